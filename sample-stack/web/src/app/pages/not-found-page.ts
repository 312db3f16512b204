import { Component } from '@angular/core';
import { RouterLink } from '@angular/router';

@Component({
  selector: 'shop-not-found-page',
  imports: [RouterLink],
  template: `
    <h1>There is no such page</h1>
    <p class="empty"><a routerLink="/products">Look at the products</a></p>
  `,
})
export class NotFoundPage {}
