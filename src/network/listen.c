/*
 * Opening ports and taking connections.
 */
#include "network/connection.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>

#include <event2/listener.h>
#include <openssl/crypto.h>
#include <openssl/err.h>

#define MAX_LISTENERS 32
#define BACKLOG 1024

#define ACCEPTED_AT_ONCE 16

/* One address of a port. */
typedef struct Port
{
	Receiver *receiver;
	bool is_grpc;
	struct evconnlistener *listener; /* which owns the socket */
	struct event *event;
} Port;

static Port ports[MAX_LISTENERS];
static int port_count;

/* What is told to the worker once all are open. */
static char announcement[4096];

static bool
fail(char *fault, size_t size, const char *what, const char *why)
{
	snprintf(fault, size, "%s: %s", what, why);
	return false;
}

/* Takes a few connections.  Those that have come already are served before more
 * are taken, or a flood of new ones would push them out unread. */
static void
accept_some(evutil_socket_t fd, short what, void *context)
{
	const Port *port = context;

	(void) what;
	for (int i = 0; i < ACCEPTED_AT_ONCE; i++)
	{
		struct sockaddr_storage peer;
		socklen_t length = sizeof(peer);
		int client = accept(fd, (struct sockaddr *) &peer, &length);

		if (client < 0)
			return;
		evutil_make_socket_closeonexec(client);
		connection_accept(port->receiver,
						  client,
						  (const struct sockaddr *) &peer,
						  (int) length,
						  port->is_grpc);
	}
}

bool
is_authorized(const Receiver *receiver, Slice authorization)
{
	static const char prefix[] = "Bearer ";
	Slice token = receiver->settings.token;

	if (token.data == NULL)
		return true;
	return authorization.data != NULL &&
		   authorization.length == token.length + sizeof(prefix) - 1 &&
		   (memcmp(authorization.data, prefix, sizeof(prefix) - 1) == 0 ||
			memcmp(authorization.data, "bearer ", sizeof(prefix) - 1) == 0) &&
		   CRYPTO_memcmp(authorization.data + sizeof(prefix) - 1,
						 token.data,
						 token.length) == 0;
}

static bool
is_loopback(const struct sockaddr *address)
{
	if (address->sa_family == AF_INET)
		return (ntohl(
					((const struct sockaddr_in *) address)->sin_addr.s_addr) >>
				24) == 127;
	return address->sa_family == AF_INET6 &&
		   IN6_IS_ADDR_LOOPBACK(
			   &((const struct sockaddr_in6 *) address)->sin6_addr);
}

/* Opens a socket, and takes what comes. */
static bool
open_port(Receiver *receiver, const struct addrinfo *address, bool is_grpc)
{
	Port *port = &ports[port_count];

	*port = (Port){.receiver = receiver, .is_grpc = is_grpc};
	port->listener = evconnlistener_new_bind(
		receiver->base,
		NULL,
		NULL,
		LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE | LEV_OPT_CLOSE_ON_EXEC |
			LEV_OPT_DISABLED |
			(address->ai_family == AF_INET6 ? LEV_OPT_BIND_IPV6ONLY : 0),
		BACKLOG,
		address->ai_addr,
		(int) address->ai_addrlen);
	if (port->listener == NULL)
		return false;
	port->event = event_new(receiver->base,
							evconnlistener_get_fd(port->listener),
							EV_READ | EV_PERSIST,
							accept_some,
							port);
	if (port->event == NULL)
	{
		evconnlistener_free(port->listener);
		errno = ENOMEM;
		return false;
	}
	event_add(port->event, NULL);
	port_count++;
	return true;
}

/* Opens one address. */
static bool
listen_on(Receiver *receiver, const struct addrinfo *address, const char *name,
		  bool is_grpc, char *fault, size_t fault_size)
{
	int code;

	if (port_count == MAX_LISTENERS)
		return fail(fault, fault_size, name, "too many addresses");
	if (!is_loopback(address->ai_addr) && receiver->settings.token.data == NULL)
		return fail(fault,
					fault_size,
					name,
					"addresses that are not loopback need a token "
					"(distributed_trace.receiver_token_file)");
	if (open_port(receiver, address, is_grpc))
		return true;
	code = errno;
	(void) fail(fault, fault_size, name, strerror(code));
	errno = code;
	return false;
}

/* Opens a port on all addresses that a host name stands for. */
static bool
listen_on_host(Receiver *receiver, const char *host, const char *port,
			   bool is_grpc, char *fault, size_t fault_size)
{
	struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV,
							 .ai_socktype = SOCK_STREAM};
	struct addrinfo *addresses;
	bool is_any = strcmp(host, "*") == 0;
	bool is_open = false;
	bool is_taken = false;
	char name[300];
	int code = getaddrinfo(is_any ? NULL : host, port, &hints, &addresses);

	snprintf(name, sizeof(name), "%s port %s", host, port);
	if (code != 0)
		return fail(fault, fault_size, name, gai_strerror(code));
	for (struct addrinfo *at = addresses; at != NULL; at = at->ai_next)
	{
		/* one of several is enough: there may be no IPv6; but a port that
		 * another program has on one of them is not ours */
		errno = 0;
		if (listen_on(receiver, at, name, is_grpc, fault, fault_size))
			is_open = true;
		else if (errno == EADDRINUSE)
			is_taken = true;
	}
	freeaddrinfo(addresses);
	return is_open && !is_taken;
}

/* Opens a port on every host of a list. */
static bool
listen_on_hosts(Receiver *receiver, Slice hosts, Slice port, bool is_grpc,
				char *fault, size_t fault_size)
{
	char list[1024];
	char number[16];
	char *state = NULL;

	if (port.length == 0 || port.length >= sizeof(number) ||
		hosts.length >= sizeof(list))
		return fail(fault, fault_size, "listen_addresses", "too long");
	memcpy(list, hosts.data, hosts.length);
	list[hosts.length] = '\0';
	memcpy(number, port.data, port.length);
	number[port.length] = '\0';
	if (strcmp(number, "0") == 0)
		return true;
	for (char *host = strtok_r(list, ", ", &state); host != NULL;
		 host = strtok_r(NULL, ", ", &state))
	{
		if (!listen_on_host(receiver, host, number, is_grpc, fault, fault_size))
			return false;
	}
	return true;
}

static int
select_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_length,
				const unsigned char *in, unsigned int in_length, void *wanted)
{
	const char *protocols = wanted;

	(void) ssl;
	if (SSL_select_next_proto((unsigned char **) out,
							  out_length,
							  (const unsigned char *) protocols,
							  (unsigned) strlen(protocols),
							  in,
							  in_length) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	return SSL_TLSEXT_ERR_OK;
}

static bool
fail_tls(char *fault, size_t size, const char *file)
{
	return fail(fault, size, file, ERR_reason_error_string(ERR_get_error()));
}

/* A context with certificate and key; clients must have one of a CA, if that
 * is named. */
static SSL_CTX *
make_tls(const char *cert, const char *key, const char *ca,
		 const char *protocols, char *fault, size_t fault_size)
{
	SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
	bool is_good = tls != NULL;

	if (is_good && SSL_CTX_use_certificate_chain_file(tls, cert) != 1)
		is_good = fail_tls(fault, fault_size, cert);
	if (is_good && SSL_CTX_use_PrivateKey_file(tls, key, SSL_FILETYPE_PEM) != 1)
		is_good = fail_tls(fault, fault_size, key);
	if (is_good && *ca != '\0')
	{
		if (SSL_CTX_load_verify_locations(tls, ca, NULL) != 1)
			is_good = fail_tls(fault, fault_size, ca);
		else
			SSL_CTX_set_client_CA_list(tls, SSL_load_client_CA_file(ca));
		SSL_CTX_set_verify(
			tls, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	}
	if (!is_good)
	{
		SSL_CTX_free(tls);
		return NULL;
	}
	/* sessions of clients with certificates are resumed under this name */
	SSL_CTX_set_session_id_context(
		tls, (const unsigned char *) protocols, (unsigned) strlen(protocols));
	SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION);
	SSL_CTX_set_options(tls, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_alpn_select_cb(tls, select_protocol, (void *) protocols);
	return tls;
}

static void
copy_value(Slice config, const char *name, char *to, size_t size)
{
	Slice value = frame_config_value(config, name);

	if (value.data == NULL || value.length >= size)
		value.length = 0;
	if (value.length > 0)
		memcpy(to, value.data, value.length);
	to[value.length] = '\0';
}

static bool
open_tls(Receiver *receiver, Slice config, char *fault, size_t fault_size)
{
	/* each as long as the byte before it says; the first is preferred */
	static const char http[] = "\x02h2\x08http/1.1";
	static const char http2[] = "\x02h2";
	char cert[1024];
	char key[1024];
	char ca[1024];

	copy_value(config, "tls_cert_file", cert, sizeof(cert));
	copy_value(config, "tls_key_file", key, sizeof(key));
	copy_value(config, "tls_client_ca_file", ca, sizeof(ca));
	if (*cert == '\0' && *key == '\0' && *ca == '\0')
		return true;
	if (*cert == '\0' || *key == '\0')
		return fail(
			fault, fault_size, "TLS", "both certificate and key are needed");
	receiver->http_tls = make_tls(cert, key, ca, http, fault, fault_size);
	if (receiver->http_tls != NULL)
		receiver->grpc_tls = make_tls(cert, key, ca, http2, fault, fault_size);
	return receiver->grpc_tls != NULL;
}

static void
announce(Slice hosts, Slice http_port, Slice grpc_port, bool has_tls)
{
	snprintf(announcement,
			 sizeof(announcement),
			 "on \"%.*s\", OTLP/HTTP port %.*s, OTLP/gRPC port %.*s%s",
			 (int) hosts.length,
			 hosts.data,
			 (int) http_port.length,
			 http_port.data,
			 (int) grpc_port.length,
			 grpc_port.data,
			 has_tls ? ", with TLS" : "");
}

bool
listen_on_ports(Receiver *receiver, Slice config, char *fault,
				size_t fault_size)
{
	Slice hosts = frame_config_value(config, "listen_addresses");
	Slice http_port = frame_config_value(config, "http_port");
	Slice grpc_port = frame_config_value(config, "grpc_port");

	if (hosts.data == NULL || http_port.data == NULL || grpc_port.data == NULL)
		return fail(fault, fault_size, "configuration", "ports are missing");
	if (!open_tls(receiver, config, fault, fault_size) ||
		!listen_on_hosts(
			receiver, hosts, http_port, false, fault, fault_size) ||
		!listen_on_hosts(receiver, hosts, grpc_port, true, fault, fault_size))
		return false;
	announce(hosts, http_port, grpc_port, receiver->http_tls != NULL);
	link_send_text(receiver, FRAME_LISTENING, announcement);
	return true;
}

void
stop_listening(void)
{
	while (port_count > 0)
	{
		Port *port = &ports[--port_count];

		event_free(port->event);
		evconnlistener_free(port->listener);
	}
}
