/*
 * Starting the receiver program and speaking to it: see program.h.
 *
 * It lies beside the module.  It gets one end of a socket pair as descriptor 3,
 * and no other of the server's; it ends when that is closed, by the worker or
 * with it.
 */
#include "postgres.h"

#include "compat.h"
#include "worker/program.h"
#include "worker/settings.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "miscadmin.h"
#include "storage/fd.h"

#define PROGRAM_NAME "distributed_trace_receiver"
#define PROGRAM_SOCKET 3
#define READ_SIZE 65536
#define MAX_TOKEN 4096

void
program_init(ReceiverProgram *program)
{
	program->pid = 0;
	program->socket = PGINVALID_SOCKET;
	initStringInfo(&program->input);
	initStringInfo(&program->output);
	program->input_read = 0;
	program->output_sent = 0;
}

/* Beside the file that this code was loaded from. */
static bool
find_program(char path[MAXPGPATH])
{
	Dl_info info;
	char *slash;

	if (dladdr((void *) find_program, &info) == 0)
		return false;
	strlcpy(path, info.dli_fname, MAXPGPATH);
	slash = strrchr(path, '/');
	if (slash == NULL)
		return false;
	strlcpy(slash + 1, PROGRAM_NAME, MAXPGPATH - (slash + 1 - path));
	return access(path, X_OK) == 0;
}

static bool
put_setting(StringInfo config, const char *name, const char *value)
{
	if (strchr(value, '\n') != NULL)
		return false;
	appendStringInfo(config, "%s=%s\n", name, value);
	return true;
}

/* The first line of the file, without the line end that editors leave; NULL, and
 * why, if it is unfit. */
static char *
read_token(const char *path, StringInfo fault)
{
	char token[MAX_TOKEN + 1];
	ssize_t length;
	int file = OpenTransientFile(path, O_RDONLY | PG_BINARY);

	length = file < 0 ? -1 : read(file, token, sizeof(token));
	if (length < 0)
		appendStringInfo(fault,
						 "could not read \"%s\" "
						 "(distributed_trace.receiver_token_file): %m",
						 path);
	if (file >= 0)
		CloseTransientFile(file);
	if (length < 0)
		return NULL;
	while (length > 0 && isspace((unsigned char) token[length - 1]))
		length--;
	if (length == 0 || length > MAX_TOKEN ||
		memchr(token, '\n', length) != NULL || memchr(token, '\0', length))
	{
		appendStringInfo(fault,
						 "\"%s\" (distributed_trace.receiver_token_file) "
						 "holds no token: one line of up to %d characters is "
						 "wanted",
						 path,
						 MAX_TOKEN);
		return NULL;
	}
	return pnstrdup(token, length);
}

/* A secret that all users of the machine may read is none. */
static void
warn_of_readers(const char *path)
{
	struct stat status;

	if (stat(path, &status) == 0 && (status.st_mode & S_IRWXO) != 0)
		ereport(WARNING,
				errcode(ERRCODE_CONFIG_FILE_ERROR),
				errmsg("distributed_trace receiver: token file \"%s\" is "
					   "accessible by other users of the machine",
					   path),
				errhint("Let its mode be 0600, or 0640 for a group."));
}

static bool
put_token(StringInfo config, StringInfo fault)
{
	char *path;
	char *token;

	if (*receiver_token_file == '\0')
		return true;
	path = receiver_settings_path(receiver_token_file);
	token = read_token(path, fault);
	if (token == NULL)
		return false;
	warn_of_readers(path);
	(void) put_setting(config, "token", token);
	explicit_bzero(token, strlen(token));
	return true;
}

/* What is made of the settings. */
typedef struct ConfigWriter
{
	StringInfo config;
	StringInfo fault;
} ConfigWriter;

/* What tells one content of a file from another; the program does not read it,
 * but a configuration with other files is another. */
static bool
put_file_state(ConfigWriter *writer, const char *setting, const char *path)
{
	struct stat status;

	if (*path == '\0')
		return true;
	if (stat(path, &status) != 0 || access(path, R_OK) != 0)
	{
		appendStringInfo(
			writer->fault, "could not read \"%s\" (%s): %m", path, setting);
		return false;
	}
	appendStringInfo(writer->config,
					 "#%s=" INT64_FORMAT " " INT64_FORMAT " " INT64_FORMAT "\n",
					 setting,
					 (int64) status.st_mtime,
					 (int64) status.st_size,
					 (int64) status.st_ino);
	return true;
}

static bool
write_setting(const char *setting, const char *name, const char *value,
			  bool is_file, void *state)
{
	ConfigWriter *writer = state;

	if (!put_setting(writer->config, name, value))
	{
		appendStringInfo(writer->fault, "%s holds a line end", setting);
		return false;
	}
	return !is_file || put_file_state(writer, setting, value);
}

bool
program_config(StringInfo config, StringInfo fault)
{
	ConfigWriter writer = {config, fault};

	if (receiver_http_port == receiver_grpc_port && receiver_http_port != 0)
	{
		appendStringInfo(fault,
						 "distributed_trace.receiver_http_port and "
						 "distributed_trace.receiver_grpc_port are both %d",
						 receiver_http_port);
		return false;
	}
	return receiver_settings_write(write_setting, &writer) &&
		   put_token(config, fault);
}

/* In the child: nothing of the server's but the socket, and the program. */
static void
become_program(const char *path, pgsocket socket)
{
	char number[2] = {'0' + PROGRAM_SOCKET, '\0'};
	char *arguments[] = {pstrdup(PROGRAM_NAME), number, NULL};
	sigset_t none;
	int files = sysconf(_SC_OPEN_MAX);

	/* signals to the worker's process group, as when a lock cannot be had in
	 * time or at a shutdown, are not for it */
	(void) setsid();
	if (dup2(socket, PROGRAM_SOCKET) < 0)
		_exit(126);
	files = files < 0 || files > 65536 ? 65536 : files;
	for (int file = PROGRAM_SOCKET + 1; file < files; file++)
		(void) close(file);
	for (int number_ = 1; number_ < NSIG; number_++)
		(void) signal(number_, SIG_DFL);
	sigemptyset(&none);
	(void) sigprocmask(SIG_SETMASK, &none, NULL);
	execv(path, arguments);
	_exit(127);
}

bool
program_start(ReceiverProgram *program, const char *config, StringInfo fault)
{
	char path[MAXPGPATH];
	pgsocket sockets[2];

	if (!find_program(path))
	{
		appendStringInfo(fault,
						 "\"%s\" is not installed beside the extension's "
						 "library",
						 PROGRAM_NAME);
		return false;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) != 0)
	{
		appendStringInfo(fault, "could not make a socket pair: %m");
		return false;
	}
	program->pid = fork();
	if (program->pid == 0)
		become_program(path, sockets[1]);
	close(sockets[1]);
	if (program->pid < 0)
	{
		appendStringInfo(fault, "could not start \"%s\": %m", path);
		close(sockets[0]);
		program->pid = 0;
		return false;
	}
	program->socket = sockets[0];
	(void) fcntl(program->socket, F_SETFD, FD_CLOEXEC);
	pg_set_noblock(program->socket);
	resetStringInfo(&program->input);
	resetStringInfo(&program->output);
	program->input_read = 0;
	program->output_sent = 0;
	program_put(program, FRAME_CONFIG, 0, 0, 0, config);
	return true;
}

void
program_end(ReceiverProgram *program)
{
	if (program->socket != PGINVALID_SOCKET)
		close(program->socket);
	program->socket = PGINVALID_SOCKET;
	if (program->pid > 0)
	{
		/* it may hang in the middle of something */
		(void) kill(program->pid, SIGKILL);
		(void) waitpid(program->pid, NULL, 0);
	}
	program->pid = 0;
}

/* Makes room at the front once half of the input was taken. */
static void
compact(StringInfo buffer, int *taken)
{
	if (*taken == 0 || *taken * 2 < buffer->len)
		return;
	buffer->len -= *taken;
	memmove(buffer->data, buffer->data + *taken, buffer->len + 1);
	*taken = 0;
}

bool
program_read(ReceiverProgram *program, int limit)
{
	StringInfo input = &program->input;

	compact(input, &program->input_read);
	while (input->len - program->input_read < limit)
	{
		ssize_t got;

		enlargeStringInfo(input, READ_SIZE);
		got = recv(program->socket,
				   input->data + input->len,
				   input->maxlen - input->len - 1,
				   0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			break;
		if (got <= 0)
			return false;
		input->len += got;
		input->data[input->len] = '\0';
	}
	return true;
}

bool
program_next_frame(ReceiverProgram *program, Frame *frame, Slice *payload)
{
	StringInfo input = &program->input;
	const char *at = input->data + program->input_read;
	int left = input->len - program->input_read;

	if (left < FRAME_HEADER_SIZE)
		return false;
	if (!frame_read_header((const uint8 *) at, frame) ||
		frame->type > FRAME_REFUSED)
		ereport(ERROR,
				errcode(ERRCODE_PROTOCOL_VIOLATION),
				errmsg("the receiver program sent what is no frame"));
	if ((uint32) (left - FRAME_HEADER_SIZE) < frame->length)
	{
		/* so that it can be read in one go */
		enlargeStringInfo(input, frame->length + FRAME_HEADER_SIZE - left);
		return false;
	}
	*payload = (Slice){at + FRAME_HEADER_SIZE, frame->length};
	program->input_read += FRAME_HEADER_SIZE + frame->length;
	return true;
}

void
program_put(ReceiverProgram *program, FrameType type, uint8 detail,
			uint64 number, uint64 value, const char *text)
{
	Frame frame = {
		.type = type,
		.detail = detail,
		.number = number,
		.value = value,
		.length = strlen(text),
	};
	uint8 header[FRAME_HEADER_SIZE];

	frame_write_header(&frame, header);
	appendBinaryStringInfo(
		&program->output, (const char *) header, sizeof(header));
	appendBinaryStringInfo(&program->output, text, frame.length);
}

bool
program_has_output(const ReceiverProgram *program)
{
	return program->output_sent < program->output.len;
}

bool
program_flush(ReceiverProgram *program)
{
	while (program_has_output(program))
	{
		ssize_t sent = send(program->socket,
							program->output.data + program->output_sent,
							program->output.len - program->output_sent,
							MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			break;
		if (sent < 0)
			return false;
		program->output_sent += sent;
	}
	compact(&program->output, &program->output_sent);
	return true;
}
