// Sends spans with the OpenTelemetry SDK and writes down which of them it says
// it exported: node client.js PROTOCOL ENCODING PORT FILE SECONDS [TOKEN], as
// ../load_client.py, whose output this one's is like.
'use strict';
const fs = require('fs');
const { NodeTracerProvider, BatchSpanProcessor } = require('@opentelemetry/sdk-trace-node');

const [protocol, encoding, port, file, seconds, token] = process.argv.slice(2);
const MODULES = {
	'http/protobuf': '@opentelemetry/exporter-trace-otlp-proto',
	'http/json': '@opentelemetry/exporter-trace-otlp-http',
	grpc: '@opentelemetry/exporter-trace-otlp-grpc',
};
const settings = { compression: encoding === 'gzip' ? 'gzip' : 'none' };
if (protocol === 'grpc') {
	settings.url = `http://127.0.0.1:${port}`;
	if (token) {
		const { Metadata } = require('@grpc/grpc-js');
		settings.metadata = new Metadata();
		settings.metadata.set('authorization', `Bearer ${token}`);
	}
} else {
	settings.url = `http://127.0.0.1:${port}/v1/traces`;
	if (token)
		settings.headers = { authorization: `Bearer ${token}` };
}

const exporter = new (require(MODULES[protocol]).OTLPTraceExporter)(settings);
const out = fs.openSync(file, 'w');
let acknowledged = 0, lost = 0, made = 0;
const recorder = {
	export(spans, done) {
		exporter.export(spans, result => {
			if (result.code === 0) {
				acknowledged += spans.length;
				fs.writeSync(out, spans.map(span => span.spanContext().spanId + '\n').join(''));
			} else {
				lost += spans.length;
				console.log(`lost: ${result.error && result.error.message}`);
			}
			done(result);
		});
	},
	forceFlush: () => exporter.forceFlush(),
	shutdown: () => exporter.shutdown(),
};

const provider = new NodeTracerProvider({
	spanProcessors: [new BatchSpanProcessor(recorder, { scheduledDelayMillis: 200, maxQueueSize: 100000 })],
});
const tracer = provider.getTracer('load');
const end = Date.now() + 1000 * seconds;

function work() {
	for (let i = 0; i < 40; i++) {
		const span = tracer.startSpan('to be named');
		span.updateName(`op ${span.spanContext().spanId}`);
		span.end();
		made++;
	}
	if (Date.now() < end)
		setTimeout(work, 20);
	else
		finish();
}

async function finish() {
	await provider.shutdown();
	console.log(`acknowledged ${acknowledged} lost ${lost} refused 0 retries 0`);
	// a span that was neither would be the SDK's loss, and a hole in the test
	process.exit(acknowledged + lost === made ? 0 : 1);
}

work();
