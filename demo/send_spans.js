// A small shop that records one checkout with the OpenTelemetry SDK, as any
// service would, and sends it where OTEL_EXPORTER_OTLP_ENDPOINT says.
'use strict';
const { trace, SpanKind, SpanStatusCode } = require('@opentelemetry/api');
const { NodeTracerProvider, BatchSpanProcessor } = require('@opentelemetry/sdk-trace-node');
const { resourceFromAttributes } = require('@opentelemetry/resources');
const { OTLPTraceExporter } = require('@opentelemetry/exporter-trace-otlp-proto');

const provider = new NodeTracerProvider({
	resource: resourceFromAttributes({ 'service.name': 'shop' }),
	spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())],
});
provider.register();
const tracer = trace.getTracer('demo');
const wait = ms => new Promise(done => setTimeout(done, ms));

async function step(name, kind, ms, body) {
	return tracer.startActiveSpan(name, { kind }, async span => {
		await wait(ms);
		if (body)
			await body(span);
		span.end();
		return span;
	});
}

(async () => {
	const root = await step('POST /checkout', SpanKind.SERVER, 5, async () => {
		await step('validate cart', SpanKind.INTERNAL, 8);
		await Promise.all([
			step('SELECT stock', SpanKind.CLIENT, 20, span => span.setAttributes({ 'db.system.name': 'postgresql', 'db.namespace': 'shop' })),
			step('charge card', SpanKind.CLIENT, 40, span => span.setStatus({ code: SpanStatusCode.ERROR, message: 'card declined' })),
		]);
	});
	await provider.shutdown();
	console.log(root.spanContext().traceId);
})();
