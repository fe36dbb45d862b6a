# Builds and installs with PGXS:
#
#     make && make install && make installcheck
#
# or, on a fresh Debian or Ubuntu, without installing the extension anywhere:
#
#     make demo        see it work on real traces
#     make demo-stop   end the demo's server
#     make test        every suite, on a private server
#     make test-all    the server's suites on other PostgreSQL versions (root)
#     make format      lay out the C sources (clang-format-14)
#     make bench       the figures of bench/, with the rivals beside them
#
# PG_CONFIG chooses the PostgreSQL; WERROR=1 makes warnings errors.

EXTENSION = distributed_trace
EXTVERSION := $(shell sed -n "s/^default_version *= *'\(.*\)'/\1/p" $(EXTENSION).control)

# in the order in which they depend on one another
SQL_PARTS = table tags context otlp import tree summary users export critical_path sketch rollup latency dependencies views grafana receiver help
SQL_FULL = sql/$(EXTENSION)--$(EXTVERSION).sql
SQL_STEPS = $(patsubst sql/upgrades/%,sql/$(EXTENSION)--%,$(wildcard sql/upgrades/*.sql))

MODULE_big = $(EXTENSION)
SOURCES = $(sort $(filter-out src/network/%,$(wildcard src/*.c src/*/*.c src/*/*/*.c)))
OBJS = $(SOURCES:.c=.o)
# scripts of versions that are out: never changed again
DATA = $(filter-out $(SQL_FULL) $(SQL_STEPS),$(wildcard sql/$(EXTENSION)--*.sql))
DATA_built = $(SQL_FULL) $(SQL_STEPS)

# the server's headers as system headers: they are not clean under -Wextra
PG_CPPFLAGS = -Isrc -isystem $(shell $(PG_CONFIG) --includedir-server 2>/dev/null)
PG_CFLAGS = -Wall -Wextra $(if $(WERROR),-Werror)
SHLIB_LINK = -lz -lzstd -llz4

# pg_regress looks for outputs in expected/, whatever the inputs' directory
REGRESS = $(sort $(patsubst test/sql/%.sql,%,$(wildcard test/sql/*.sql)))
REGRESS_OPTS = --inputdir=test --load-extension=$(EXTENSION)
ISOLATION = $(sort $(patsubst test/specs/%.spec,%,$(wildcard test/specs/*.spec)))
ISOLATION_OPTS = --inputdir=test --outputdir=. --load-extension=$(EXTENSION)

# The program that talks to the network; built where its libraries are found.
RECEIVER = distributed_trace_receiver
RECEIVER_LIBS = libevent_core libevent_openssl libnghttp2 openssl zlib libzstd
RECEIVER_SOURCES = $(sort $(wildcard src/network/*.c)) src/core/wire/frame.c
ifeq ($(shell pkg-config --exists $(RECEIVER_LIBS) 2>/dev/null && echo yes),yes)
HAVE_RECEIVER = yes
endif

EXTRA_CLEAN = test/unit/build $(RECEIVER)

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs 2>/dev/null)

ifneq ($(wildcard $(PGXS)),)

# Bitcode, for inlining by the JIT compiler, only where its compiler is there.
CLANG_OF_PGXS := $(shell sed -n 's/^CLANG *= *//p' $(dir $(PGXS))../Makefile.global)
ifeq ($(shell command -v $(CLANG_OF_PGXS) 2>/dev/null),)
override with_llvm = no
endif

include $(PGXS)

# What SQL calls is exported and nothing else, so that no name of ours meets
# another library's.  A version script does that on 15 too, where hidden
# visibility would hide the functions themselves.
ifeq ($(PORTNAME),linux)
PG_CFLAGS += -fno-semantic-interposition
SHLIB_LINK += -Wl,--version-script=src/exports.map
$(shlib): src/exports.map
endif

$(OBJS) $(OBJS:.o=.bc): $(wildcard src/*.h src/*/*.h src/*/*/*.h)

# It lies beside the module, which starts it from there.
ifdef HAVE_RECEIVER
all: $(RECEIVER)
install: install-receiver
uninstall: uninstall-receiver

$(RECEIVER): $(RECEIVER_SOURCES) $(wildcard src/network/*.h src/core/*/*.h)
	$(CC) $(CFLAGS) -fPIE -pie -Isrc $(shell pkg-config --cflags $(RECEIVER_LIBS)) \
		-Wl,-z,relro,-z,now -o $@ $(RECEIVER_SOURCES) $(shell pkg-config --libs $(RECEIVER_LIBS))

.PHONY: install-receiver uninstall-receiver
install-receiver: $(RECEIVER)
	$(MKDIR_P) '$(DESTDIR)$(pkglibdir)'
	$(INSTALL_PROGRAM) $(RECEIVER) '$(DESTDIR)$(pkglibdir)/'

uninstall-receiver:
	rm -f '$(DESTDIR)$(pkglibdir)/$(RECEIVER)'
else
all: no-receiver
.PHONY: no-receiver
no-receiver:
	@echo 'Without $(RECEIVER), which needs pkg-config and the headers of $(RECEIVER_LIBS)' \
		'(Debian: pkg-config libevent-dev libnghttp2-dev libssl-dev libzstd-dev); all else is built.'
endif

else
all install installcheck:
	@echo 'PGXS is missing: install postgresql-server-dev-NN, or set PG_CONFIG=/path/to/pg_config' >&2
	@exit 1
endif

$(SQL_FULL): $(SQL_PARTS:%=sql/parts/%.sql) $(EXTENSION).control Makefile
	{ printf '%s\n' '\echo Use "CREATE EXTENSION $(EXTENSION)" to load this file. \quit' && \
	cat $(SQL_PARTS:%=sql/parts/%.sql); } >$@.new
	mv $@.new $@

$(SQL_STEPS): sql/$(EXTENSION)--%.sql: sql/upgrades/%.sql sql/step.awk $(SQL_PARTS:%=sql/parts/%.sql) Makefile
	{ printf '%s\n' '\echo Use "ALTER EXTENSION $(EXTENSION) UPDATE" to load this file. \quit' && \
	awk -f sql/step.awk $<; } >$@.new
	mv $@.new $@

# "test" and "bench" are directories too
.PHONY: test test-all demo demo-stop bench format

test:
	@PG_CONFIG='$(PG_CONFIG)' test/run.sh

test-all:
	@test/chroots.sh

demo:
	@PG_CONFIG='$(PG_CONFIG)' demo/demo.sh

demo-stop:
	@demo/demo.sh stop

bench:
	@PG_CONFIG='$(PG_CONFIG)' bench/run.sh

# the layout that test/check.sh asks for
format:
	clang-format-14 -i $(wildcard src/*.[ch] src/*/*.[ch] src/*/*/*.[ch] test/*/*.[ch] bench/*.[ch] bench/*/*.[ch])
	test/typedefs.sh >typedefs.list
