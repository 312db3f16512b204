import type { Routes } from '@angular/router';

export const routes: Routes = [
  { path: '', pathMatch: 'full', redirectTo: 'products' },
  {
    path: 'products',
    title: 'Products · hopwatch shop',
    loadComponent: () => import('./pages/products/products-page').then((m) => m.ProductsPage),
  },
  {
    path: 'cart',
    title: 'Cart · hopwatch shop',
    loadComponent: () => import('./pages/cart/cart-page').then((m) => m.CartPage),
  },
  {
    path: 'checkout',
    title: 'Checkout · hopwatch shop',
    loadComponent: () => import('./pages/checkout/checkout-page').then((m) => m.CheckoutPage),
  },
  {
    path: 'orders/:id',
    title: 'Your order · hopwatch shop',
    loadComponent: () => import('./pages/order/order-page').then((m) => m.OrderPage),
  },
  {
    path: '**',
    title: 'Not found · hopwatch shop',
    loadComponent: () => import('./pages/not-found-page').then((m) => m.NotFoundPage),
  },
];
