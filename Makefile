# Everything is built below build/; nothing is written elsewhere but by
# "make install".

# NGINX_SRC is Debian's nginx-dev, or any source tree of the nginx that will load
# the module; the second is configured with NGINX_CONF.  docs/build.md says more.

NGINX_SRC ?= /usr/share/nginx/src
NGINX_CONF ?= --with-compat --with-threads --with-http_ssl_module
DESTDIR ?=
PREFIX ?= /usr
MODULES_DIR ?= /usr/lib/nginx/modules
MAN_DIR ?= $(PREFIX)/share/man/man1
COMPLETION_DIR ?= $(PREFIX)/share/bash-completion/completions
ZSH_DIR ?= $(PREFIX)/share/zsh/vendor-completions
FISH_DIR ?= $(PREFIX)/share/fish/vendor_completions.d
DOC_DIR ?= $(PREFIX)/share/doc/service-token
PROVE_FLAGS ?=
MINUTES ?= 5

# cmocka speaks TAP, and prove listens
export CMOCKA_MESSAGE_OUTPUT = TAP

# CC, CFLAGS, CPPFLAGS and LDFLAGS of the environment are taken; WERROR= lets a
# warning be one, and SANITIZE= builds the unit tests without sanitizers

CFLAGS ?= -O3 -g -fstack-protector-strong
CPPFLAGS ?= -D_FORTIFY_SOURCE=2
LDFLAGS ?=
WERROR ?= -Werror
SANITIZE ?= -fsanitize=address,undefined -fno-sanitize-recover=all

WARNINGS = -Wall -Wextra $(WERROR)
STRICT = -std=c11 -pedantic $(WARNINGS)
COMPILE = $(CC) $(CPPFLAGS) $(CFLAGS)

VERSION := $(shell sed -n 's/.*STOK_VERSION *"\(.*\)"/\1/p' lib/stok.h)

B = build
CONFIGURED = $(B)/nginx/objs/Makefile
MODULE = $(B)/ngx_service_token_module.so
COMMAND = $(B)/service-token
MANUAL = $(B)/service-token.1

LIB = $(wildcard lib/*.c)
LIB_H = $(wildcard lib/*.h)
ROOMS = $(wildcard ngx_service_token_module/*/)
MODULE_SRC = $(wildcard $(patsubst %,%*.[ch],ngx_service_token_module/ $(ROOMS)))
CONTROL = $(wildcard control/*/*.c)
CONTROL_H = $(wildcard control/*.h control/*/*.h)
CONTROL_I = -Ilib -Icontrol $(patsubst %/,-I%,$(wildcard control/*/))
API = $(wildcard api/*.c)
API_H = $(wildcard api/*.h)
CLI = $(wildcard cli/*.c cli/*/*.c)
CLI_H = $(wildcard cli/*.h cli/*/*.h)
CLI_I = -Icli $(patsubst %/,-I%,$(wildcard cli/*/))
SCRIPTS = $(filter-out scripts/common.lua,$(wildcard scripts/*.lua))
COMMON = scripts/common.lua

LIB_OBJ = $(LIB:%.c=$(B)/%.o)
CONTROL_OBJ = $(CONTROL:%.c=$(B)/%.o) $(B)/control/scripts.o
CLI_OBJ = $(CLI:%.c=$(B)/%.o)
API_OBJ = $(API:%.c=$(B)/%.o)
UNITS = $(patsubst t/unit/%.c,$(B)/unit/%,$(wildcard t/unit/*.c))
UNIT_H = $(wildcard t/unit/*.h)
# those of the packages change the system: util/matrix runs them in its trees

TESTS = $(filter-out t/package/%,$(sort $(wildcard t/*/*.t)))
JOBS ?= 2

# these compare times or memory, and have the machine for themselves
QUIET = t/fault/flood.t t/fault/fault_storm.t t/fresh/oracle.t

FUZZ = $(patsubst fuzz/%.c,$(B)/fuzz/%,$(wildcard fuzz/*.c))
FUZZ_H = $(wildcard fuzz/*.h)
FUZZ_CC = clang -g -O1 -fsanitize=address,undefined \
    -fno-sanitize-recover=all -fno-omit-frame-pointer $(WARNINGS) $(CONTROL_I) \
    $(CLI_I)
FUZZ_NGINX = -Wno-unused-parameter -Ingx_service_token_module \
    $(patsubst %,-I%,$(ROOMS)) \
    $(patsubst %,-isystem $(B)/nginx/%,src/core src/event \
    src/event/modules src/event/quic src/os/unix objs)
FUZZ_SECONDS ?= 60


.DELETE_ON_ERROR:

.PHONY: all module command help test test-valgrind test-asan unit check \
    soak bench bench-instructions bench-table bench-revocation bench-density \
    bench-last-used bench-fleet bench-import bench-timing model model-full \
    fuzz analyze install uninstall dist package matrix clean FORCE

all: module command $(MANUAL)  ## build the module and the command (the default)

module: $(MODULE)

command: $(COMMAND)

help:  ## show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' Makefile | expand -t 22


# nginx's configure writes where it stands: it gets a folder of its own, with
# the options of the nginx that will load the module.  -fno-plt: all is bound
# when nginx starts, and calls need no table that takes lines of the caches

$(CONFIGURED): Makefile config $(B)/flags $(wildcard $(NGINX_SRC)/conf_flags) $(COMMON) \
    $(wildcard scripts/nginx/*.lua) util/embed-scripts
	@test -x $(NGINX_SRC)/configure -o -x $(NGINX_SRC)/auto/configure || { \
	    echo "nginx's headers are missing: apt-get install nginx-dev" >&2; \
	    exit 1; }
	@echo configure
	@rm -rf $(B)/nginx
	@mkdir -p $(B)/nginx
	@cp -r $(NGINX_SRC)/. $(B)/nginx
	@cd $(B)/nginx && $(CONFIGURE) --with-cc="$(CC)" \
	    --with-cc-opt="$(CFLAGS) $(CPPFLAGS) -fPIC -fno-plt \
	        -Wno-unused-parameter -Wextra" \
	    --with-ld-opt="$(LDFLAGS) -Wl,-z,relro -Wl,-z,now -Wl,-Bsymbolic -fPIC" \
	    --add-dynamic-module="$(CURDIR)" > configure.log \
	    || { sed -n '/error: /,$$p' configure.log >&2; exit 1; }
	@test -n "$(WERROR)" || sed -i 's/ -Werror / /' $(CONFIGURED)

# how nginx's configure is called, in its folder: Debian's options are an array
# of bash, a release has ./configure, and a checkout auto/configure

CONFIGURE = $(if $(wildcard $(NGINX_SRC)/conf_flags), \
    bash -c '. ./conf_flags && exec ./configure "$${NGX_CONF_FLAGS[@]}" "$$@"' -, \
    $(if $(wildcard $(NGINX_SRC)/configure),./configure,auto/configure) \
    $(NGINX_CONF))

# what is compiled again when the compiler or its flags are others

$(B)/flags: FORCE
	@mkdir -p $(B)
	@echo '$(COMPILE) $(LDFLAGS) $(WERROR) $(SANITIZE) $(NGINX_SRC)' \
	    '$(NGINX_CONF)' | cmp -s - $@ \
	    || echo '$(COMPILE) $(LDFLAGS) $(WERROR) $(SANITIZE) $(NGINX_SRC)' \
	    '$(NGINX_CONF)' > $@

$(MODULE): $(CONFIGURED) $(MODULE_SRC) $(LIB) $(LIB_H)
	$(MAKE) -C $(B)/nginx -f objs/Makefile modules > /dev/null
	install -m 644 $(B)/nginx/objs/ngx_service_token_module.so $@

# hiredis has TLS from 1.0 on, in a library of its own: rediss:// needs it,
# and nothing else does

HASH := \#
HIREDIS_SSL = $(shell printf '%s\n' '$(HASH)include <hiredis/hiredis.h>' \
    '$(HASH)include <hiredis/hiredis_ssl.h>' \
    'int main(void) { return redisInitiateSSL(0, 0); }' \
    | $(COMPILE) $(LDFLAGS) -x c -o /dev/null - \
    -lhiredis_ssl -lhiredis -lssl -lcrypto 2> /dev/null && echo yes)

$(B)/control/redis/tls.o: CTL_TLS = $(if $(HIREDIS_SSL),-DCTL_TLS)
$(COMMAND): TLS_LIBS = $(if $(HIREDIS_SSL),-lhiredis_ssl -lssl)

$(COMMAND): $(CLI_OBJ) $(API_OBJ) $(B)/libstokctl.a $(LIB_OBJ)
	$(CC) $(CFLAGS) $(LDFLAGS) -Wl,-z,relro -Wl,-z,now -o $@ $^ \
	    $(TLS_LIBS) -lhiredis -ljansson -lcrypto

# what the command takes, as it says itself

$(MANUAL): man/head.1 man/tail.1 $(COMMAND)
	$(COMMAND) man | cat man/head.1 - man/tail.1 > $@

$(B)/lib/%.o: lib/%.c $(LIB_H) $(B)/flags
	@mkdir -p $(@D)
	$(COMPILE) $(STRICT) -c -o $@ $<

# the operations: what the command calls, and any other front end

$(B)/libstokctl.a: $(CONTROL_OBJ)
	@rm -f $@
	ar rcs $@ $^

$(B)/control/%.o: control/%.c $(CONTROL_H) $(LIB_H) $(B)/flags
	@mkdir -p $(@D)
	$(COMPILE) -std=gnu11 $(WARNINGS) $(CTL_TLS) $(CONTROL_I) -c -o $@ $<

$(B)/cli/%.o: cli/%.c $(CLI_H) $(API_H) $(CONTROL_H) $(LIB_H) $(B)/flags
	@mkdir -p $(@D)
	$(COMPILE) -std=gnu11 $(WARNINGS) -Ilib -Icontrol -Iapi $(CLI_I) -c -o $@ $<

# the operations over HTTP, which "service-token serve" runs

$(B)/api/%.o: api/%.c $(API_H) $(CONTROL_H) $(LIB_H) $(B)/flags
	@mkdir -p $(@D)
	$(COMPILE) -std=gnu11 $(WARNINGS) -Ilib -Icontrol -c -o $@ $<

$(B)/control/scripts.o: $(B)/control/scripts.c $(CONTROL_H) $(B)/flags
	$(COMPILE) -std=gnu11 $(WARNINGS) -Icontrol -c -o $@ $<

$(B)/control/scripts.c: $(COMMON) $(SCRIPTS) util/embed-scripts
	@mkdir -p $(@D)
	util/embed-scripts scripts.h stok_script $(COMMON) $(SCRIPTS) > $@

$(B)/unit/%: t/unit/%.c $(UNIT_H) $(LIB) $(LIB_H) $(B)/flags
	@mkdir -p $(@D)
	$(CC) -std=c11 -g -O1 $(WARNINGS) -Ilib $(SANITIZE) \
	    -o $@ $< $(LIB) -lcmocka -lcrypto


unit: $(UNITS)  ## run the library's tests, with sanitizers
	prove $(PROVE_FLAGS) $(UNITS)

test: all $(UNITS)  ## run every test, against real nginx and Redis
	prove $(PROVE_FLAGS) -j$(JOBS) $(filter-out $(QUIET),$(TESTS)) $(UNITS)
	prove $(PROVE_FLAGS) $(QUIET)

test-valgrind: all  ## run the tests with nginx under valgrind
	TEST_RUNNER=valgrind prove $(PROVE_FLAGS) $(TESTS)

test-asan: all  ## run the tests with nginx and module under ASan and UBSan
	util/build-asan $(B)/asan
	STOK_NGINX=$(CURDIR)/$(B)/asan/src/objs/nginx \
	STOK_MODULE=$(CURDIR)/$(B)/asan/src/objs/ngx_service_token_module.so \
	    prove $(PROVE_FLAGS) $(TESTS)

soak: all  ## random faults under load, for MINUTES=5; figures
	util/soak $(MINUTES) $(SEED)

# that some branches were not looked at is a notice, an error to cppcheck 2.17

CPPCHECK = cppcheck --quiet --error-exitcode=1 --enable=warning,portability \
    --suppress=normalCheckLevelMaxBranches

check: $(CONFIGURED) $(B)/control/scripts.c  ## style, two compilers, cppcheck
	util/check-style
	util/check-compile $(B)
	$(CPPCHECK) --std=c11 --inline-suppr $(CONTROL_I) -Iapi $(CLI_I) lib control api cli
	$(CPPCHECK) --suppress=unknownMacro --suppress=preprocessorErrorDirective \
	    -Ilib ngx_service_token_module

analyze: $(CONFIGURED)  ## gcc -fanalyzer and clang-tidy, minutes
	util/analyze $(B)

bench: all  ## requests/s beside other ways to check, and beside no check
	bench/throughput

bench-instructions: all  ## the same cases: instructions, by callgrind
	bench/instructions

bench-table: $(B)/bench/table  ## the hit path alone, of one and two processes
	$(B)/bench/table

bench-revocation: all  ## how soon every worker refuses, under load
	bench/revocation --workers 2
	bench/revocation --workers 4

bench-last-used: all  ## what Last Used costs
	bench/last-used

bench-fleet: $(B)/bench/fleet  ## what 1 000 nodes cost Redis
	bench/fleet

bench-density: all  ## how many tokens a zone holds
	bench/density

bench-import: all  ## an import of a million tokens, and fsck
	bench/import --fsck

bench-timing: all  ## whether the time of a 401 tells which one it is
	bench/timing
	bench/timing --against expired
	bench/timing --cold --samples 20000

$(B)/bench/fleet: bench/fleet.c
	@mkdir -p $(@D)
	$(COMPILE) -std=gnu11 $(WARNINGS) -o $@ $<

$(B)/bench/table: bench/table.c $(LIB_OBJ)
	@mkdir -p $(@D)
	$(COMPILE) -std=gnu11 $(WARNINGS) -Ilib -o $@ $^ -lcrypto

model:  ## search the models of the cache protocol, and their mutants
	model/run $(B)/model $(RULES)

model-full:  ## the same, true models of larger sizes: half an hour, 12 GB
	MEMORY=12000 model/run --full $(B)/model $(RULES)

fuzz: $(FUZZ)  ## each fuzzing target for FUZZ_SECONDS (60)
	fuzz/run $(B) $(FUZZ_SECONDS)

FUZZ_CTL = $(CONTROL) $(B)/control/scripts.c

$(B)/fuzz/lib.a: $(LIB) $(LIB_H) $(FUZZ_CTL) $(CONTROL_H)
	@mkdir -p $(B)/fuzz/objs
	@rm -f $@
	for file in $(LIB) $(FUZZ_CTL); do \
	    $(FUZZ_CC) -std=gnu11 -fsanitize=fuzzer-no-link -c \
	    -o $(B)/fuzz/objs/$$(basename $$file .c).o $$file || exit 1; \
	done
	ar rcs $@ $(B)/fuzz/objs/*.o

$(B)/fuzz/%: fuzz/%.c $(FUZZ_H) $(B)/fuzz/lib.a
	$(FUZZ_CC) -std=gnu11 -fsanitize=fuzzer -o $@ $< $(B)/fuzz/lib.a \
	    -lhiredis -ljansson -lcrypto

FUZZ_SCGI = api/request.c api/scgi.c

$(B)/fuzz/scgi: fuzz/scgi.c $(FUZZ_SCGI) $(API_H) $(FUZZ_H) $(B)/fuzz/lib.a
	$(FUZZ_CC) -std=gnu11 -fsanitize=fuzzer -Iapi -o $@ $< $(FUZZ_SCGI) \
	    $(B)/fuzz/lib.a -lhiredis -ljansson -lcrypto

# of the module's files, those that need little of nginx

FUZZ_REPLY = ngx_service_token_module/redis/ngx_service_token_redis.c \
    ngx_service_token_module/lookup/ngx_service_token_question.c

$(B)/fuzz/reply: fuzz/reply.c $(FUZZ_REPLY) $(FUZZ_H) $(CONFIGURED) \
    $(MODULE_SRC) $(B)/fuzz/lib.a
	$(FUZZ_CC) -std=gnu11 -fsanitize=fuzzer $(FUZZ_NGINX) -o $@ $< \
	    $(FUZZ_REPLY) $(B)/fuzz/lib.a -lhiredis -lcrypto

# what is installed: mode, file, and its path; uninstall takes the same

INSTALLED = 644 $(MODULE) $(MODULES_DIR)/$(notdir $(MODULE)) \
    755 $(COMMAND) $(PREFIX)/bin/$(notdir $(COMMAND)) \
    644 $(MANUAL) $(MAN_DIR)/$(notdir $(MANUAL)) \
    644 completion/service-token.bash $(COMPLETION_DIR)/service-token \
    644 completion/service-token.zsh $(ZSH_DIR)/_service-token \
    644 completion/service-token.fish $(FISH_DIR)/service-token.fish \
    $(foreach file,$(sort $(wildcard *.md docs/*.md) LICENSE $(SAMPLES)),\
        644 $(file) $(DOC_DIR)/$(file))

SAMPLES = $(shell find conf -type f)

install: all  ## install into DESTDIR
	@set -e; set -- $(INSTALLED); while [ $$# -gt 0 ]; do \
	    install -D -m $$1 "$$2" "$(DESTDIR)$$3"; shift 3; \
	done

uninstall:  ## remove from DESTDIR what install puts there
	@set -- $(INSTALLED); while [ $$# -gt 0 ]; do \
	    rm -f "$(DESTDIR)$$3"; shift 3; \
	done
	@find "$(DESTDIR)$(DOC_DIR)" -depth -type d -empty -delete 2> /dev/null || true

dist:  ## a tarball of the release, the same bytes each time
	util/dist $(VERSION) $(B)

package: dist  ## Debian packages, in build/package
	util/package $(VERSION) $(B)

matrix: dist  ## packages and tests on Debian 12, 13 and sid, as root
	util/matrix

clean:  ## remove build/
	rm -rf $(B)
