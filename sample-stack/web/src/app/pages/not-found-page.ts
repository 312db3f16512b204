import { Component } from '@angular/core';
import { RouterLink } from '@angular/router';

@Component({
  selector: 'shop-not-found-page',
  imports: [RouterLink],
  template: `
    <h1>There is no such page</h1>
    <div class="empty">
      <p>The address may be mistyped, or the page is gone.</p>
      <a class="button" routerLink="/products">Look at the products</a>
    </div>
  `,
})
export class NotFoundPage {}
