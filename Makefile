# Everything is built below build/; nothing is written elsewhere but by
# "make install".

NGINX_SRC = /usr/share/nginx/src
DESTDIR =
PREFIX = /usr
MODULES_DIR = /usr/lib/nginx/modules
PROVE_FLAGS ?=
MINUTES ?= 5

# cmocka speaks TAP, and prove listens
export CMOCKA_MESSAGE_OUTPUT = TAP

CC = cc
CFLAGS = -O2 -g -fstack-protector-strong -D_FORTIFY_SOURCE=2
WARNINGS = -Wall -Wextra -Werror
STRICT = -std=c11 -pedantic $(WARNINGS)

B = build
CONFIGURED = $(B)/nginx/objs/Makefile
MODULE = $(B)/ngx_service_token_module.so
COMMAND = $(B)/service-token

LIB = $(wildcard lib/*.c)
LIB_H = $(wildcard lib/*.h)
MODULE_SRC = $(wildcard ngx_service_token_module/*.[ch])
CLI = $(wildcard cli/*.c)
CLI_H = $(wildcard cli/*.h)
SCRIPTS = $(filter-out scripts/common.lua,$(wildcard scripts/*.lua))
COMMON = scripts/common.lua

LIB_OBJ = $(LIB:%.c=$(B)/%.o)
CLI_OBJ = $(CLI:%.c=$(B)/%.o) $(B)/cli/scripts.o
UNITS = $(patsubst t/unit/%.c,$(B)/unit/%,$(wildcard t/unit/*.c))
UNIT_H = $(wildcard t/unit/*.h)


.DELETE_ON_ERROR:

.PHONY: all module command help test test-valgrind test-asan unit check \
    soak bench bench-instructions bench-table bench-revocation bench-density \
    model install clean

all: module command  ## build the module and the command (the default)

module: $(MODULE)

command: $(COMMAND)

help:  ## show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' Makefile | expand -t 22


# nginx's configure writes where it stands: it gets a folder of its own, with
# the options of the nginx that will load the module

$(CONFIGURED): config $(wildcard $(NGINX_SRC)/conf_flags) $(COMMON) \
    $(wildcard scripts/nginx/*.lua) util/embed-scripts
	@test -x $(NGINX_SRC)/configure || { echo "nginx's headers are missing:\
	 apt-get install nginx-dev" >&2; exit 1; }
	@echo configure
	@rm -rf $(B)/nginx
	@mkdir -p $(B)/nginx
	@cp -r $(NGINX_SRC)/. $(B)/nginx
	@cd $(B)/nginx && bash -c '. ./conf_flags && ./configure \
	    "$${NGX_CONF_FLAGS[@]}" \
	    --with-cc-opt="$(CFLAGS) -fPIC -Wno-unused-parameter -Wextra" \
	    --with-ld-opt="-Wl,-z,relro -Wl,-z,now -fPIC" \
	    --add-dynamic-module="$(CURDIR)"' > configure.log \
	    || { sed -n '/error: /,$$p' configure.log >&2; exit 1; }

$(MODULE): $(CONFIGURED) $(MODULE_SRC) $(LIB) $(LIB_H)
	$(MAKE) -C $(B)/nginx -f objs/Makefile modules > /dev/null
	install -m 644 $(B)/nginx/objs/ngx_service_token_module.so $@

$(COMMAND): $(CLI_OBJ) $(LIB_OBJ)
	$(CC) $(LDFLAGS) -Wl,-z,relro -Wl,-z,now -o $@ $^ \
	    -lhiredis -ljansson -lcrypto

$(B)/lib/%.o: lib/%.c $(LIB_H)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(STRICT) -c -o $@ $<

$(B)/cli/%.o: cli/%.c $(CLI_H) $(LIB_H)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -std=gnu11 $(WARNINGS) -Ilib -Icli -c -o $@ $<

$(B)/cli/scripts.o: $(B)/cli/scripts.c $(CLI_H)
	$(CC) $(CFLAGS) -std=gnu11 $(WARNINGS) -Icli -c -o $@ $<

$(B)/cli/scripts.c: $(COMMON) $(SCRIPTS) util/embed-scripts
	@mkdir -p $(@D)
	util/embed-scripts scripts.h stok_script $(COMMON) $(SCRIPTS) > $@

$(B)/unit/%: t/unit/%.c $(UNIT_H) $(LIB) $(LIB_H)
	@mkdir -p $(@D)
	$(CC) -std=c11 -g -O1 $(WARNINGS) -Ilib \
	    -fsanitize=address,undefined -fno-sanitize-recover=all \
	    -o $@ $< $(LIB) -lcmocka -lcrypto


unit: $(UNITS)  ## run the library's tests, with sanitizers
	prove $(PROVE_FLAGS) $(UNITS)

test: all $(UNITS)  ## run every test, against real nginx and Redis
	prove $(PROVE_FLAGS) t/*.t $(UNITS)

test-valgrind: all  ## run the tests with nginx under valgrind
	TEST_RUNNER=valgrind prove $(PROVE_FLAGS) t/*.t

test-asan: all  ## run the tests with nginx and module under ASan and UBSan
	util/build-asan $(B)/asan
	STOK_NGINX=$(CURDIR)/$(B)/asan/src/objs/nginx \
	STOK_MODULE=$(CURDIR)/$(B)/asan/src/objs/ngx_service_token_module.so \
	    prove $(PROVE_FLAGS) t/*.t

soak: all  ## random faults under load, for MINUTES=5; figures
	util/soak $(MINUTES) $(SEED)

check: $(CONFIGURED) $(B)/cli/scripts.c  ## style, two compilers, cppcheck
	util/check-style
	util/check-compile $(B)
	cppcheck --quiet --std=c11 --error-exitcode=1 --inline-suppr \
	    --enable=warning,portability -Ilib -Icli lib cli
	cppcheck --quiet --error-exitcode=1 --enable=warning,portability \
	    --suppress=unknownMacro --suppress=preprocessorErrorDirective \
	    -Ilib ngx_service_token_module

bench: all  ## requests/s beside other ways to check, and beside no check
	bench/throughput

bench-instructions: all  ## the same cases: instructions, by callgrind
	bench/instructions

bench-table: $(B)/bench/table  ## the hit path alone, of one and two processes
	$(B)/bench/table

bench-revocation: all  ## how soon every worker refuses, under load
	bench/revocation --workers 2
	bench/revocation --workers 4

bench-density: all  ## how many tokens a zone holds
	bench/density

$(B)/bench/table: bench/table.c $(LIB_OBJ)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -std=gnu11 $(WARNINGS) -Ilib -o $@ $^ -lcrypto

model:  ## search the model of the cache protocol, and its mutants
	model/run $(B)/model $(RULES)

install: all  ## install into DESTDIR
	install -d $(DESTDIR)$(MODULES_DIR) $(DESTDIR)$(PREFIX)/bin
	install -m 644 $(MODULE) $(DESTDIR)$(MODULES_DIR)/
	install -m 755 $(COMMAND) $(DESTDIR)$(PREFIX)/bin/

clean:  ## remove build/
	rm -rf $(B)
