import { dashboardLink } from './dashboard';

const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';

describe('dashboardLink', () => {
  const meta = document.createElement('meta');
  meta.name = 'dashboard-url';
  beforeEach(() => document.head.append(meta));
  afterEach(() => meta.remove());

  it.each([
    ['http://127.0.0.1:8501/', `http://127.0.0.1:8501/?trace=${TRACE_ID}`],
    ['https://example.org/hopwatch', `https://example.org/hopwatch?trace=${TRACE_ID}`],
  ])('leads from %s to the trace', (url, link) => {
    meta.content = url;
    expect(dashboardLink(TRACE_ID)).toBe(link);
  });

  it.each(['', 'DASHBOARD_URL', 'javascript:alert(1)'])('is none for "%s"', (url) => {
    meta.content = url;
    expect(dashboardLink(TRACE_ID)).toBeNull();
  });
});
