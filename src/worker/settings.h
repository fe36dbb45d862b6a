/*
 * The settings of automatic recording; see docs/receiver.md.
 */
#ifndef WORKER_SETTINGS_H
#define WORKER_SETTINGS_H

#include "postgres.h"

extern bool receiver_is_on;
extern char *receiver_listen_addresses;
extern int receiver_http_port;
extern int receiver_grpc_port;
extern char *receiver_database;
extern char *receiver_role;
extern char *receiver_token_file;
extern char *receiver_tls_cert_file;
extern char *receiver_tls_key_file;
extern char *receiver_tls_client_ca_file;
extern int receiver_max_connections;
extern int receiver_max_request_size; /* kB */
extern int receiver_max_pending_size; /* kB */
extern int receiver_commit_delay;	  /* ms */
extern int receiver_commit_requests;
extern int receiver_max_wait; /* ms */

/* Call once, when the server loads the module at its start. */
extern void define_receiver_settings(void);

/* Where a file of the settings lies: a relative path is one from the data
 * directory.  A new string. */
extern char *receiver_settings_path(const char *file);

/* Hands out all that the receiver program has to know, until the writer returns
 * false, which is returned: the setting's name, the program's, and its value;
 * is_file: the path of a file, or nothing. */
typedef bool (*ReceiverSettingWriter)(const char *setting, const char *name,
									  const char *value, bool is_file,
									  void *state);
extern bool receiver_settings_write(ReceiverSettingWriter write, void *state);

#endif
