import { Component, computed, inject, input } from '@angular/core';
import { dashboardLink } from '../../shop/dashboard';
import { Announcer } from '../../ui/announcer';

/** Names the trace that an answer came from, and how to look at it. */
@Component({
  selector: 'shop-trace-notice',
  template: `
    <section aria-labelledby="trace-heading">
      <h2 id="trace-heading">{{ heading() }}</h2>
      @if (link(); as link) {
        <p>
          <a class="button" [href]="link" target="_blank" rel="noopener" data-testid="trace-link"
            >Open it in the dashboard<span class="visually-hidden"> (a new tab)</span></a
          >
        </p>
      }
      <dl>
        <dt>Trace</dt>
        <dd>
          <code data-testid="trace-id">{{ traceId() }}</code>
          <button
            type="button"
            class="quiet"
            aria-label="Copy the trace id"
            (click)="copy(traceId())"
            data-testid="copy-trace-id"
          >
            Copy
          </button>
        </dd>
        <dt>In a terminal</dt>
        <dd>
          <code data-testid="trace-command">{{ command() }}</code>
          <button
            type="button"
            class="quiet"
            aria-label="Copy the command"
            (click)="copy(command())"
          >
            Copy
          </button>
        </dd>
      </dl>
    </section>
  `,
  styleUrl: './trace-notice.css',
})
export class TraceNotice {
  readonly traceId = input.required<string>();
  readonly heading = input.required<string>();
  protected readonly command = computed(() => `hopwatch trace ${this.traceId()}`);
  protected readonly link = computed(() => dashboardLink(this.traceId()));
  private readonly announcer = inject(Announcer);

  protected async copy(text: string): Promise<void> {
    try {
      await navigator.clipboard.writeText(text);
      this.announcer.say('Copied');
    } catch {
      this.announcer.say('The browser did not let it be copied: select it instead');
    }
  }
}
