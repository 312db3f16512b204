import { Component, inject } from '@angular/core';
import { RouterLink, RouterLinkActive, RouterOutlet } from '@angular/router';
import { Cart } from './shop/cart';
import { Announcer } from './ui/announcer';

@Component({
  selector: 'shop-root',
  imports: [RouterLink, RouterLinkActive, RouterOutlet],
  templateUrl: './app.html',
  styleUrl: './app.css',
})
export class App {
  protected readonly cart = inject(Cart);
  protected readonly announcer = inject(Announcer);
}
