/*
 * The settings of automatic recording: see settings.h.
 *
 * One table says everything about them: what the server is told of each, and
 * under which name the receiver program gets it.
 */
#include "postgres.h"

#include "worker/settings.h"

#include "miscadmin.h"
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
int receiver_max_connections = 10000;
int receiver_max_request_size = 64 * 1024;
int receiver_max_pending_size = 256 * 1024;
int receiver_commit_delay = 0;
int receiver_commit_requests = 64;
int receiver_max_wait = 8000;

typedef enum SettingType
{
	SETTING_TEXT,
	SETTING_FILE, /* a path, relative to the data directory */
	SETTING_NUMBER,
} SettingType;

typedef struct Setting
{
	const char *name;
	const char *short_text;
	const char *long_text;
	SettingType type;
	char **text;
	const char *default_text;
	int *number; /* its value at the start is the default */
	int least;
	int greatest;
	GucContext context;
	int flags;
	const char *program_name; /* NULL: the program does not get it */
	int factor;				  /* of a number, for the program */
} Setting;

static const Setting settings[] = {
	/* where it records, and as whom */
	{
		.name = "distributed_trace.receiver_database",
		.short_text = "The database whose extension records them.",
		.type = SETTING_TEXT,
		.text = &receiver_database,
		.default_text = "postgres",
		.context = PGC_POSTMASTER,
	},
	{
		.name = "distributed_trace.receiver_role",
		.short_text = "The role that records them; empty: the superuser that "
					  "created the cluster.",
		.long_text = "trace_create_roles() makes one that may do nothing else.",
		.type = SETTING_TEXT,
		.text = &receiver_role,
		.default_text = "",
		.context = PGC_POSTMASTER,
	},
	/* the network */
	{
		.name = "distributed_trace.receiver_listen_addresses",
		.short_text = "Host names or addresses to listen on; * is all.",
		.long_text = "Others than loopback need a token.",
		.type = SETTING_TEXT,
		.text = &receiver_listen_addresses,
		.default_text = "localhost",
		.context = PGC_SIGHUP,
		.flags = GUC_LIST_INPUT,
		.program_name = "listen_addresses",
	},
	{
		.name = "distributed_trace.receiver_http_port",
		.short_text = "Port of OTLP/HTTP; 0 turns it off.",
		.type = SETTING_NUMBER,
		.number = &receiver_http_port,
		.greatest = 65535,
		.context = PGC_SIGHUP,
		.program_name = "http_port",
		.factor = 1,
	},
	{
		.name = "distributed_trace.receiver_grpc_port",
		.short_text = "Port of OTLP/gRPC; 0 turns it off.",
		.type = SETTING_NUMBER,
		.number = &receiver_grpc_port,
		.greatest = 65535,
		.context = PGC_SIGHUP,
		.program_name = "grpc_port",
		.factor = 1,
	},
	/* the program gets what is in it: receiver_settings_token */
	{
		.name = "distributed_trace.receiver_token_file",
		.short_text = "File with the bearer token that requests must have.",
		.long_text = "Empty: none is asked for.",
		.type = SETTING_FILE,
		.text = &receiver_token_file,
		.default_text = "",
		.context = PGC_SIGHUP,
		.flags = GUC_SUPERUSER_ONLY,
	},
	{
		.name = "distributed_trace.receiver_tls_cert_file",
		.short_text = "File with the certificate chain (PEM); empty: no TLS.",
		.type = SETTING_FILE,
		.text = &receiver_tls_cert_file,
		.default_text = "",
		.context = PGC_SIGHUP,
		.flags = GUC_SUPERUSER_ONLY,
		.program_name = "tls_cert_file",
	},
	{
		.name = "distributed_trace.receiver_tls_key_file",
		.short_text = "File with the certificate's private key (PEM).",
		.type = SETTING_FILE,
		.text = &receiver_tls_key_file,
		.default_text = "",
		.context = PGC_SIGHUP,
		.flags = GUC_SUPERUSER_ONLY,
		.program_name = "tls_key_file",
	},
	{
		.name = "distributed_trace.receiver_tls_client_ca_file",
		.short_text = "File with the authorities whose certificates clients "
					  "must have (PEM); empty: none are asked for.",
		.type = SETTING_FILE,
		.text = &receiver_tls_client_ca_file,
		.default_text = "",
		.context = PGC_SIGHUP,
		.flags = GUC_SUPERUSER_ONLY,
		.program_name = "tls_client_ca_file",
	},
	/* limits */
	{
		.name = "distributed_trace.receiver_max_connections",
		.short_text = "Connections of clients at one time.",
		.long_text = "No more than the system allows open files. Beyond that "
					 "the one that has been idle longest gives way.",
		.type = SETTING_NUMBER,
		.number = &receiver_max_connections,
		.least = 1,
		.greatest = 60000,
		.context = PGC_SIGHUP,
		.program_name = "max_connections",
		.factor = 1,
	},
	{
		.name = "distributed_trace.receiver_max_request_size",
		.short_text = "The largest request, before and after inflating.",
		.type = SETTING_NUMBER,
		.number = &receiver_max_request_size,
		.least = 16,
		.greatest = 64 * 1024,
		.context = PGC_SIGHUP,
		.flags = GUC_UNIT_KB,
		.program_name = "max_request",
		.factor = 1024,
	},
	{
		.name = "distributed_trace.receiver_max_pending_size",
		.short_text = "Requests that are not yet recorded, together; beyond "
					  "that clients are made to wait.",
		.type = SETTING_NUMBER,
		.number = &receiver_max_pending_size,
		.least = 1024,
		.greatest = 1024 * 1024,
		.context = PGC_SIGHUP,
		.flags = GUC_UNIT_KB,
		.program_name = "max_pending",
		.factor = 1024,
	},
	{
		.name = "distributed_trace.receiver_commit_delay",
		.short_text =
			"How long to wait for further requests to commit together.",
		.long_text = "Requests that come while others are being recorded are "
					 "committed together in any case.",
		.type = SETTING_NUMBER,
		.number = &receiver_commit_delay,
		.greatest = 1000,
		.context = PGC_SIGHUP,
		.flags = GUC_UNIT_MS,
	},
	{
		.name = "distributed_trace.receiver_commit_requests",
		.short_text = "How many requests are committed together at most.",
		.type = SETTING_NUMBER,
		.number = &receiver_commit_requests,
		.least = 1,
		.greatest = 1000,
		.context = PGC_SIGHUP,
	},
	{
		.name = "distributed_trace.receiver_max_wait",
		.short_text = "How long a request that cannot be recorded is kept and "
					  "tried again before the client is told to come back.",
		.type = SETTING_NUMBER,
		.number = &receiver_max_wait,
		.greatest = 60000,
		.context = PGC_SIGHUP,
		.flags = GUC_UNIT_MS,
		.program_name = "max_wait",
		.factor = 1,
	},
};

static void
define_setting(const Setting *setting)
{
	if (setting->type == SETTING_NUMBER)
		DefineCustomIntVariable(setting->name,
								setting->short_text,
								setting->long_text,
								setting->number,
								*setting->number,
								setting->least,
								setting->greatest,
								setting->context,
								setting->flags,
								NULL,
								NULL,
								NULL);
	else
		DefineCustomStringVariable(setting->name,
								   setting->short_text,
								   setting->long_text,
								   setting->text,
								   setting->default_text,
								   setting->context,
								   setting->flags,
								   NULL,
								   NULL,
								   NULL);
}

void
define_receiver_settings(void)
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
	for (size_t i = 0; i < lengthof(settings); i++)
		define_setting(&settings[i]);
}

char *
receiver_settings_path(const char *file)
{
	if (*file == '\0' || is_absolute_path(file))
		return pstrdup(file);
	return psprintf("%s/%s", DataDir, file);
}

bool
receiver_settings_write(ReceiverSettingWriter write, void *state)
{
	for (size_t i = 0; i < lengthof(settings); i++)
	{
		const Setting *setting = &settings[i];
		char *value;

		if (setting->program_name == NULL)
			continue;
		if (setting->type == SETTING_NUMBER)
			value = psprintf(INT64_FORMAT,
							 (int64) *setting->number * setting->factor);
		else if (setting->type == SETTING_FILE)
			value = receiver_settings_path(*setting->text);
		else
			value = pstrdup(*setting->text);
		if (!write(setting->name,
				   setting->program_name,
				   value,
				   setting->type == SETTING_FILE,
				   state))
			return false;
		pfree(value);
	}
	return true;
}
