# layerd: make (release build) · make demo · make test · make lint · make fuzz · make bench · make coverage · make interop
# · make install.
# MODE=release|debug|asan|cov|fuzz picks the build; each has its own folder. V=1 shows the commands.

MODE ?= release
B ?= build/$(MODE)
PREFIX ?= /usr/local
DESTDIR ?=
CC ?= cc
JOBS := -j$(shell nproc)

VERSION := 0.1.0

# ---- flags ----------------------------------------------------------------------------------------
WARN := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wvla \
	-Wundef -Wwrite-strings -Wformat=2
CPPFLAGS += -D_GNU_SOURCE -DLAYERD_VERSION='"$(VERSION)"' -I. -I$(B)/gen -MMD -MP
HARDEN := -fPIE -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fstack-clash-protection
opt_release := -O2 -g $(HARDEN)
opt_debug := -O0 -g3
opt_asan := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
opt_cov := -O0 -g --coverage
opt_fuzz := -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all -DTL_FUZZ
ld_release := -pie -Wl,-z,relro,-z,now -Wl,--gc-sections
ld_asan := -fsanitize=address,undefined
ld_cov := --coverage
ld_fuzz := -fsanitize=address,undefined
ifeq ($(MODE),fuzz)
CC := clang
endif
CFLAGS += -std=c11 $(WARN) $(opt_$(MODE)) -ffunction-sections -fdata-sections
LDFLAGS += $(ld_$(MODE))
LIBS_proto := -lmbedcrypto -lz
LIBS_core := -llmdb -ljansson
LIBS_daemon := -lev -lpcre2-8 -lpthread -lm

ifeq ($(V),1)
Q :=
say = @:
else
Q := @
say = @printf '  %-6s %s\n'
endif

# ---- sources --------------------------------------------------------------------------------------
SCHEMAS := schema/api.tl schema/mtproto.tl
SRC_tl := $(wildcard tl/*.c)
SRC_proto := $(wildcard proto/*.c)
SRC_core := $(wildcard core/*.c)
SRC_daemon := $(filter-out daemon/main.c,$(wildcard daemon/*.c daemon/methods/*.c))
SRC_sandbox := $(wildcard tests/sandbox/*.c)
SRC_layerctl := $(wildcard clients/layerctl/*.c)
SRC_tlgen := $(wildcard schema/tlgen/*.c)
SRC_harness := tests/harness.c tests/harness_check.c tests/harness_alloc.c

obj = $(patsubst %.c,$(B)/%.o,$(1))
GEN := $(if $(SRC_tlgen),$(B)/gen/tl_schema.h)
OBJ_tl := $(call obj,$(SRC_tl)) $(GEN:.h=.o)
ROOMS := tl proto core daemon
PROGRAMS := $(if $(wildcard daemon/main.c),$(B)/layerd) $(if $(SRC_layerctl),$(B)/layerctl) $(if $(SRC_sandbox),$(B)/layerd-sandbox)

# the units too: make install, as root, only copies
all: $(PROGRAMS) instances
.PHONY: all demo test lint fuzz bench coverage interop install clean deps
.DELETE_ON_ERROR:
.SECONDARY:

# ---- the generated schema ---------------------------------------------------------------------------
$(B)/tlgen: $(call obj,$(SRC_tlgen))
	$(say) LD $@
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^

$(B)/gen/tl_schema.c: $(B)/tlgen $(SCHEMAS) schema/int53.txt
	$(say) TLGEN $@
	$(Q)mkdir -p $(@D)
	$(Q)ASAN_OPTIONS=detect_leaks=0 $(B)/tlgen --int53 schema/int53.txt --out $(B)/gen/tl_schema --prefix api $(SCHEMAS)
# written beside the .c; touched, so that make sees it as new
$(B)/gen/tl_schema.h: $(B)/gen/tl_schema.c
	@touch $@

# Lines of older layers go through the same generator: the sandbox's, and those of compat.c's test.
define OLDER
$(B)/gen/tl_schema_$(1).c: $(B)/tlgen $(2)
	$$(say) TLGEN $$@
	$$(Q)mkdir -p $$(@D)
	$$(Q)ASAN_OPTIONS=detect_leaks=0 $(B)/tlgen --out $(B)/gen/tl_schema_$(1) --prefix $(1) $(2)
$(B)/gen/tl_schema_$(1).h: $(B)/gen/tl_schema_$(1).c
	@touch $$@
$(3): | $(B)/gen/tl_schema_$(1).h
$(4): $(B)/gen/tl_schema_$(1).o
endef
COMPAT := $(wildcard tests/sandbox/compat.tl)
$(if $(COMPAT),$(eval $(call OLDER,compat,$(COMPAT),$(call obj,$(SRC_sandbox)),$(B)/layerd-sandbox)))
$(eval $(call OLDER,older,tests/unit/tl/older.tl,$(B)/tests/unit/tl/compat_test.o,$(B)/test/tl))

$(B)/gen/%.o: $(B)/gen/%.c
	$(say) CC $@
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

# ---- objects, rooms, programs -----------------------------------------------------------------------
$(B)/schema/%.o: schema/%.c
	$(say) CC $<
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

$(B)/%.o: %.c | $(GEN)
	$(say) CC $<
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

define ROOM
$(B)/lib$(1).a: $$(if $$(filter tl,$(1)),$$(OBJ_tl),$$(call obj,$$(SRC_$(1))))
	$$(say) AR $$@
	$$(Q)rm -f $$@ && ar rcs $$@ $$^
endef
$(foreach r,$(ROOMS),$(eval $(call ROOM,$(r))))

$(B)/layerd: $(B)/daemon/main.o $(B)/libdaemon.a $(B)/libcore.a $(B)/libproto.a $(B)/libtl.a
	$(say) LD $@
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS_daemon) $(LIBS_core) $(LIBS_proto)
$(B)/layerctl: $(call obj,$(SRC_layerctl)) $(B)/libtl.a
	$(say) LD $@
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -ljansson -lqrencode -lm
# The sandbox speaks more layers than one: its table of differences goes through the same generator.
$(B)/layerd-sandbox: $(call obj,$(SRC_sandbox)) $(B)/libproto.a $(B)/libtl.a
	$(say) LD $@
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lev -ljansson $(LIBS_proto) -lm

# ---- unit tests: one program a room, linked with that room and those below ---------------------------
LINK_tl := tl
LINK_proto := proto tl
LINK_core := core proto tl
LINK_daemon := daemon core proto tl
LINK_sandbox := proto tl
WRAP := -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=free,--wrap=aligned_alloc
WRAP_proto := -Wl,--wrap=mt_sha1
# core's rig shakes hands with the same server as proto's tests
BORROW_core := tests/unit/proto/handshake_server.c tests/unit/proto/vectors.c
define UNIT
TESTS_$(1) := $$(wildcard tests/unit/$(1)/*.c)
$(B)/test/$(1): $$(call obj,$$(TESTS_$(1)) $$(BORROW_$(1)) $$(SRC_harness)) $$(foreach r,$$(LINK_$(1)),$(B)/lib$$(r).a)
	$$(say) LD $$@
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(CC) $$(CFLAGS) $$(LDFLAGS) $$(WRAP) $$(WRAP_$(1)) -o $$@ $$^ $$(if $$(filter daemon,$(1)),$$(LIBS_daemon)) $$(if $$(filter core daemon,$(1)),$$(LIBS_core)) $$(if $$(filter-out tl,$(1)),$$(LIBS_proto)) -ljansson -lm
UNIT_BINS += $$(if $$(TESTS_$(1)),$(B)/test/$(1))
test-$(1): $(B)/test/$(1)
	$(B)/test/$(1) $(T)
.PHONY: test-$(1)
endef
$(foreach r,$(ROOMS) sandbox,$(eval $(call UNIT,$(r))))
$(B)/test/sandbox: | $(B)/layerd-sandbox

units: $(UNIT_BINS)
.PHONY: units

# ---- what people call ---------------------------------------------------------------------------------
deps:
	@.ci/deps build test

demo:
	@.ci/deps build demo
	@$(MAKE) $(JOBS) --no-print-directory MODE=release
	@clients/examples/demo.sh $(B)

test:
	@.ci/deps build test
	@tests/run

lint:
	@.ci/deps lint
	@$(MAKE) $(JOBS) --no-print-directory MODE=release
	@tests/lint.sh build/release

interop:
	@.ci/deps build interop
	@$(MAKE) $(JOBS) --no-print-directory MODE=release
	@tests/interop/run

coverage:
	@.ci/deps build
	@tests/coverage

bench:
	@.ci/deps build bench
	@$(MAKE) $(JOBS) --no-print-directory MODE=release
	@tests/bench/run

FUZZ_SRC := $(wildcard tests/fuzz/*_fuzz.c)
FUZZ_BINS := $(patsubst tests/fuzz/%.c,$(B)/fuzz/%,$(FUZZ_SRC))
# MODE=fuzz links libFuzzer; every other mode links a driver that replays the corpus given on the command line.
$(B)/fuzz/%: $(B)/tests/fuzz/%.o $(if $(filter fuzz,$(MODE)),,$(B)/tests/fuzz/replay.o) $(B)/libdaemon.a $(B)/libcore.a $(B)/libproto.a $(B)/libtl.a
	$(say) LD $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $(if $(filter fuzz,$(MODE)),-fsanitize=fuzzer) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(LIBS_daemon) $(LIBS_core) $(LIBS_proto)
# compat reads the sandbox's older lines; core talks with the server of core's unit tests
$(B)/fuzz/compat_fuzz: $(B)/gen/tl_schema_compat.o
$(B)/tests/fuzz/compat_fuzz.o: | $(B)/gen/tl_schema_compat.h
$(B)/fuzz/core_fuzz: $(call obj,tests/unit/core/rig.c tests/unit/core/rig_server.c $(BORROW_core) tests/harness_check.c)
fuzzers: $(FUZZ_BINS)
.PHONY: fuzzers
fuzz:
	@.ci/deps build fuzz
	@$(MAKE) $(JOBS) --no-print-directory MODE=fuzz fuzzers
	@tests/fuzz/run

# layerd@NAME, an instance: made of the units of the one daemon
UNITS := $(wildcard systemd/*.service systemd/*.socket)
INSTANCES := $(foreach u,$(UNITS),$(B)/$(basename $(u))@$(suffix $(u)))
$(B)/systemd/%@.service: systemd/%.service systemd/instance.sed
	$(Q)mkdir -p $(@D) && sed -f systemd/instance.sed $< >$@
$(B)/systemd/%@.socket: systemd/%.socket systemd/instance.sed
	$(Q)mkdir -p $(@D) && sed -f systemd/instance.sed $< >$@
instances: $(INSTANCES)
.PHONY: instances

LIB := $(DESTDIR)$(PREFIX)/lib
install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(LIB)/systemd/system $(LIB)/systemd/user $(LIB)/sysusers.d $(LIB)/tmpfiles.d
	install -m 755 -s $(B)/layerd $(B)/layerctl $(B)/layerd-sandbox $(DESTDIR)$(PREFIX)/bin
	install -m 644 $(UNITS) $(INSTANCES) $(LIB)/systemd/system
	install -m 644 systemd/user/* $(LIB)/systemd/user
	sed -i 's|/usr/bin/layerd|$(PREFIX)/bin/layerd|' $(LIB)/systemd/*/layerd.service $(LIB)/systemd/system/layerd@.service
	install -m 644 systemd/layerd.sysusers $(LIB)/sysusers.d/layerd.conf
	install -m 644 systemd/layerd.tmpfiles $(LIB)/tmpfiles.d/layerd.conf

clean:
	rm -rf build

-include $(shell find $(B) -name '*.d' 2>/dev/null)
