import { Injectable, signal } from '@angular/core';

const SHOWN_MS = 2500;

/** Short messages at the foot of the page, which screen readers read out too. */
@Injectable({ providedIn: 'root' })
export class Announcer {
  private readonly current = signal('');
  readonly message = this.current.asReadonly();
  private timer: ReturnType<typeof setTimeout> | undefined;

  say(message: string): void {
    clearTimeout(this.timer);
    this.current.set(message);
    this.timer = setTimeout(() => this.current.set(''), SHOWN_MS);
  }
}
