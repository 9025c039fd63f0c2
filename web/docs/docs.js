/** The API, to read and to try. The document is the server's own; nothing is asked of anybody else. */
window.SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#api',
  deepLinking: true,
  docExpansion: 'list',
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  // It would send the document to a foreign host to have it judged.
  validatorUrl: null,
});
