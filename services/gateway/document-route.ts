import { Type } from '@sinclair/typebox';
import { asyncApiDocument } from './asyncapi.js';
import { openApiDocument } from './openapi.js';
import { send } from './respond.js';
import { route, type RouteDefinition } from './route.js';

/** The OpenAPI document of these routes and of itself, and the AsyncAPI document. Open: they hold no data, and tell no more than the documentation. */
export function documentRoutes(routes: readonly RouteDefinition[]): readonly RouteDefinition[] {
  const self = route({
    method: 'GET',
    path: '/openapi.json',
    summary: 'This document',
    tag: 'running',
    may: 'anybody',
    query: 'ignored',
    answers: { 200: { description: 'OpenAPI 3.1', schema: Type.Object({ openapi: Type.String() }) } },
    handle({ response }) {
      send(response, 200, 'application/json; charset=utf-8', text);
    },
  });
  const messages = route({
    method: 'GET',
    path: '/asyncapi.json',
    summary: 'The document of the bus, of MQTT and of the WebSocket',
    tag: 'running',
    may: 'anybody',
    query: 'ignored',
    answers: { 200: { description: 'AsyncAPI 3.0', schema: Type.Object({ asyncapi: Type.String() }) } },
    handle({ response }) {
      send(response, 200, 'application/json; charset=utf-8', messagesText);
    },
  });
  const text = JSON.stringify(openApiDocument([...routes, self, messages]));
  const messagesText = JSON.stringify(asyncApiDocument());
  return [self, messages];
}
