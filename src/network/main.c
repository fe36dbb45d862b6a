/*
 * distributed_trace_receiver: takes OpenTelemetry requests from the network for
 * the PostgreSQL extension distributed_trace.
 *
 *	distributed_trace_receiver FD
 *
 * is started by the server's worker with one end of a socket pair as the file
 * descriptor FD, over which all else goes (core/wire/frame.h).  It reads its
 * configuration there, opens the ports, gives up all rights that it can, and
 * serves until the other end is closed.
 */
#include "network/receiver.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include "network/refusals.h"

/* for all else but connections */
#define SPARE_FILES 64

/* A request is at most such a part of what may be pending. */
#define PENDING_REQUESTS 4

/* what the worker gets before it has answered some */
#define MAX_SENT (UINT64_C(8) * 1024 * 1024)

#define MAX_CONFIG 65536

/* Reads so many bytes, blocking. */
static bool
read_fully(int fd, void *to, size_t size)
{
	char *at = to;

	while (size > 0)
	{
		ssize_t got = read(fd, at, size);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		at += got;
		size -= (size_t) got;
	}
	return true;
}

/* The first frame: the configuration, which stays for good. */
static bool
read_config(int fd, Slice *config)
{
	uint8_t header[FRAME_HEADER_SIZE];
	Frame frame;
	char *text;

	if (!read_fully(fd, header, sizeof(header)) ||
		!frame_read_header(header, &frame) || frame.type != FRAME_CONFIG ||
		frame.length > MAX_CONFIG)
		return false;
	text = malloc(frame.length + 1);
	if (text == NULL || !read_fully(fd, text, frame.length))
		return false;
	*config = (Slice){text, frame.length};
	return true;
}

static uint64_t
number_setting(Slice config, const char *name)
{
	Slice value = frame_config_value(config, name);
	uint64_t number = 0;

	for (uint32_t i = 0; i < value.length && i < 18; i++)
	{
		if (value.data[i] >= '0' && value.data[i] <= '9')
			number = number * 10 + (uint64_t) (value.data[i] - '0');
	}
	return number;
}

static void
read_settings(Receiver *receiver)
{
	Slice config = receiver->config;
	Settings *settings = &receiver->settings;

	*settings = (Settings){
		.token = frame_config_value(config, "token"),
		.max_request = number_setting(config, "max_request"),
		.max_pending = number_setting(config, "max_pending"),
		.max_connections = number_setting(config, "max_connections"),
		.max_wait = number_setting(config, "max_wait"),
		.listen_addresses = frame_config_value(config, "listen_addresses"),
	};
	if (settings->max_request > FRAME_MAX_PAYLOAD)
		settings->max_request = FRAME_MAX_PAYLOAD;
	/* or one request could be more than all may be together */
	if (settings->max_request > settings->max_pending / PENDING_REQUESTS)
		settings->max_request = settings->max_pending / PENDING_REQUESTS;
	settings->max_sent =
		settings->max_request < MAX_SENT ? settings->max_request : MAX_SENT;
}

long
monotonic_seconds(void)
{
	return (long) (monotonic_ms() / 1000);
}

uint64_t
monotonic_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t) now.tv_sec * 1000 + (uint64_t) now.tv_nsec / 1000000;
}

/* Sockets for all connections, and a few files; fewer connections if the system
 * does not allow as many, since one that cannot be accepted would wait for
 * ever. */
static void
allow_files(Settings *settings)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) != 0)
		return;
	files.rlim_cur = (rlim_t) settings->max_connections + SPARE_FILES;
	if (files.rlim_cur > files.rlim_max)
		files.rlim_cur = files.rlim_max;
	files.rlim_max = files.rlim_cur;
	(void) setrlimit(RLIMIT_NOFILE, &files);
	if (files.rlim_cur <= SPARE_FILES)
		settings->max_connections = 1;
	else if (settings->max_connections > files.rlim_cur - SPARE_FILES)
		settings->max_connections = files.rlim_cur - SPARE_FILES;
}

/* Once a second: what was counted, and whether it is over. */
static void
on_second(evutil_socket_t fd, short what, void *context)
{
	Receiver *receiver = context;
	uint8_t counts[FRAME_COUNTERS * 8];
	Frame frame = {.type = FRAME_COUNTS, .length = sizeof(counts)};

	(void) fd;
	(void) what;
	link_give_up_late(receiver);
	frame_write_counts(receiver->counts, counts);
	link_send(receiver, &frame, counts);
	send_refusals(receiver);
	if (receiver->is_stopping && receiver->counts[COUNT_PENDING] == 0)
		event_base_loopexit(receiver->base, NULL);
}

/* Sends what is left and ends. */
static void
end_with_fault(Receiver *receiver, const char *fault)
{
	struct timeval moment = {1, 0};

	link_send_text(receiver, FRAME_FAILED, fault);
	event_base_loopexit(receiver->base, &moment);
	event_base_dispatch(receiver->base);
}

static int
serve(Receiver *receiver)
{
	struct timeval second = {1, 0};
	char fault[512];

	receiver->timer =
		event_new(receiver->base, -1, EV_PERSIST, on_second, receiver);
	if (receiver->timer == NULL)
		return EXIT_FAILURE;
	if (!listen_on_ports(receiver, receiver->config, fault, sizeof(fault)))
	{
		end_with_fault(receiver, fault);
		return EXIT_FAILURE;
	}
	allow_files(&receiver->settings);
	confine_process();
	event_add(receiver->timer, &second);
	event_base_dispatch(receiver->base);
	return EXIT_SUCCESS;
}

static void
say_nothing(int severity, const char *message)
{
	(void) severity;
	(void) message;
}

int
main(int argc, char **argv)
{
	static Receiver receiver;
	int fd;

	if (argc != 2 || (fd = atoi(argv[1])) < 3)
	{
		fprintf(stderr,
				"This program is started by the distributed_trace worker of a "
				"PostgreSQL server.\n"
				"Usage: %s FD\n",
				argv[0]);
		return 2;
	}
#ifdef __linux__
	(void) prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
#endif
	signal(SIGPIPE, SIG_IGN);
	/* nothing can be written to files, and libevent's warnings go nowhere */
	signal(SIGXFSZ, SIG_IGN);
	event_set_log_callback(say_nothing);
	if (!read_config(fd, &receiver.config))
		return EXIT_FAILURE;
	read_settings(&receiver);
	receiver.base = event_base_new();
	if (receiver.base == NULL || !link_open(&receiver, fd))
		return EXIT_FAILURE;
	return serve(&receiver);
}
