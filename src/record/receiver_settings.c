/*
 * The settings of automatic recording: see receiver_settings.h.
 */
#include "postgres.h"

#include "record/receiver_settings.h"

#include "utils/guc.h"

bool receiver_is_on = false;
char *receiver_listen_addresses;
int receiver_http_port = 4318;
int receiver_grpc_port = 4317;
char *receiver_database;
char *receiver_role;
char *receiver_token_file;
char *receiver_tls_cert_file;
char *receiver_tls_key_file;
char *receiver_tls_client_ca_file;
int receiver_max_connections = 256;
int receiver_max_request_size = 64 * 1024;
int receiver_max_pending_size = 256 * 1024;
int receiver_commit_delay = 0;
int receiver_commit_requests = 64;
int receiver_max_wait = 8000;

static void
define_text(const char *name, const char *short_text, const char *long_text,
			char **variable, const char *value, GucContext context, int flags)
{
	DefineCustomStringVariable(name,
							   short_text,
							   long_text,
							   variable,
							   value,
							   context,
							   flags,
							   NULL,
							   NULL,
							   NULL);
}

static void
define_number(const char *name, const char *short_text, const char *long_text,
			  int *variable, int least, int greatest, int flags)
{
	DefineCustomIntVariable(name,
							short_text,
							long_text,
							variable,
							*variable,
							least,
							greatest,
							PGC_SIGHUP,
							flags,
							NULL,
							NULL,
							NULL);
}

/* Where it records, as whom; what needs a restart. */
static void
define_worker_settings(void)
{
	DefineCustomBoolVariable(
		"distributed_trace.receiver",
		"Whether the server takes traces from OpenTelemetry SDKs and "
		"Collectors.",
		NULL,
		&receiver_is_on,
		false,
		PGC_POSTMASTER,
		0,
		NULL,
		NULL,
		NULL);
	define_text("distributed_trace.receiver_database",
				"The database whose extension records them.",
				NULL,
				&receiver_database,
				"postgres",
				PGC_POSTMASTER,
				0);
	define_text("distributed_trace.receiver_role",
				"The role that records them; empty: the superuser that "
				"created the cluster.",
				"trace_create_roles() makes one that may do nothing else.",
				&receiver_role,
				"",
				PGC_POSTMASTER,
				0);
}

static void
define_network_settings(void)
{
	define_text("distributed_trace.receiver_listen_addresses",
				"Host names or addresses to listen on; * is all.",
				"Others than loopback need a token.",
				&receiver_listen_addresses,
				"localhost",
				PGC_SIGHUP,
				GUC_LIST_INPUT);
	define_number("distributed_trace.receiver_http_port",
				  "Port of OTLP/HTTP; 0 turns it off.",
				  NULL,
				  &receiver_http_port,
				  0,
				  65535,
				  0);
	define_number("distributed_trace.receiver_grpc_port",
				  "Port of OTLP/gRPC; 0 turns it off.",
				  NULL,
				  &receiver_grpc_port,
				  0,
				  65535,
				  0);
	define_text("distributed_trace.receiver_token_file",
				"File with the bearer token that requests must have.",
				"Empty: none is asked for.",
				&receiver_token_file,
				"",
				PGC_SIGHUP,
				GUC_SUPERUSER_ONLY);
	define_text("distributed_trace.receiver_tls_cert_file",
				"File with the certificate chain (PEM); empty: no TLS.",
				NULL,
				&receiver_tls_cert_file,
				"",
				PGC_SIGHUP,
				GUC_SUPERUSER_ONLY);
	define_text("distributed_trace.receiver_tls_key_file",
				"File with the certificate's private key (PEM).",
				NULL,
				&receiver_tls_key_file,
				"",
				PGC_SIGHUP,
				GUC_SUPERUSER_ONLY);
	define_text("distributed_trace.receiver_tls_client_ca_file",
				"File with the authorities whose certificates clients must "
				"have (PEM); empty: none are asked for.",
				NULL,
				&receiver_tls_client_ca_file,
				"",
				PGC_SIGHUP,
				GUC_SUPERUSER_ONLY);
}

static void
define_limits(void)
{
	define_number("distributed_trace.receiver_max_connections",
				  "Connections of clients at one time; further ones are "
				  "closed at once.",
				  NULL,
				  &receiver_max_connections,
				  1,
				  10000,
				  0);
	define_number("distributed_trace.receiver_max_request_size",
				  "The largest request, before and after inflating.",
				  NULL,
				  &receiver_max_request_size,
				  16,
				  64 * 1024,
				  GUC_UNIT_KB);
	define_number("distributed_trace.receiver_max_pending_size",
				  "Requests that are not yet recorded, together; beyond that "
				  "clients are made to wait.",
				  NULL,
				  &receiver_max_pending_size,
				  1024,
				  1024 * 1024,
				  GUC_UNIT_KB);
	define_number("distributed_trace.receiver_commit_delay",
				  "How long to wait for further requests to commit together.",
				  "Requests that come while others are being recorded are "
				  "committed together in any case.",
				  &receiver_commit_delay,
				  0,
				  1000,
				  GUC_UNIT_MS);
	define_number("distributed_trace.receiver_commit_requests",
				  "How many requests are committed together at most.",
				  NULL,
				  &receiver_commit_requests,
				  1,
				  1000,
				  0);
	define_number("distributed_trace.receiver_max_wait",
				  "How long a request that cannot be recorded is kept and "
				  "tried again before the client is told to come back.",
				  NULL,
				  &receiver_max_wait,
				  0,
				  60000,
				  GUC_UNIT_MS);
}

void
define_receiver_settings(void)
{
	define_worker_settings();
	define_network_settings();
	define_limits();
}
