import { bootstrapApplication } from '@angular/platform-browser';
import { App } from './app/app';
import { appConfig } from './app/app.config';
import { startTelemetry } from './app/telemetry/sdk';

startTelemetry();
bootstrapApplication(App, appConfig).catch((error: unknown) => console.error(error));
