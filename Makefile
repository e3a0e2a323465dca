# `make help`, the default, prints the lines between these two markers.
# help: begin
# make run      installs Debian packages that are missing (build libraries, Redis, nginx, ...), builds, and runs the whole
#               stack on port 8000 (PORT=) with an example, in the foreground
# make test     installs what is missing, builds, runs every test; as root also an installation on a booted systemd;
#               ENGINE=valkey9, valkey8 or redis8 runs them on that engine instead of Debian's Redis
# make test-newest    some suites on the newest engine; every `make test` ends with it
# make test-next      builds and tests on the next Debian release, in a container, then installs its package on a booted host of
#               that release, and on one that is upgraded to it (make rehearse-next alone); as root
# make rehearse-next  those installations alone
# make rehearsal      what `make test` as root installs, and where: the package, and a Debian in .build/host-root
# make test-litellm   the tests that need LiteLLM's proxy, which takes minutes and 740 MB to install
# make build    the release binary, .build/release/wf
# make docs     the documentation in .build/wf.doccarchive; `docc preview` serves Sources/WorkflowCommand/WorkflowCommand.docc
# make lint     the formatter's rules, the width of comments, the length of files and functions
# make chaos    SECONDS=300 of load and steering while processes are killed, then a check of every run; SEED= repeats a run;
#               PARTITIONS=4 divides the runs among four; FAILOVER=sentinel or cluster (as root) spreads it over three hosts, in network
#               namespaces, whose Redis primaries are killed and cut off: with WF_WAIT_REPLICAS=1 nothing may be lost, then
#               without it, to show how much is; WAIT_REPLICAS=n is one run with that
# make bench    the figures of the benchmark, side by side with floor and peers; ROWS=submit,drain for some rows;
#               BASE=COMMIT compares this build with that commit's, which it builds once
# make install  binary, manual page, completions, units and nginx's snippet, under DESTDIR and PREFIX; never overwrites
#               settings and site, and keeps another snippet as wf-locations.conf.old
# make deb      a Debian package of the same for this release of Debian, .build/wf_VERSION_ARCHITECTURE.deb; installs only what
#               a build needs
# make packages only installs the missing packages
# help: end

PREFIX  ?= /usr/local
DESTDIR ?=
UNITDIR ?= /etc/systemd/system
PORT    ?= 8000
SECONDS ?= 60
SEED    ?=
PARTITIONS ?=
FAILOVER ?=
WAIT_REPLICAS ?= 1 0
# Where the package is built.
BUILD   ?= .build
DEB      = $(BUILD)/deb
HOST     = .build/host-root

# What the build links; what the stack runs and the tests call.
PACKAGES       = libfcgi-dev libhiredis-dev libcurl4-openssl-dev libssl-dev zlib1g-dev
STACK_PACKAGES = redis-server nginx curl util-linux spawn-fcgi systemd openssl tzdata
# What boots in the rehearsal of an installation, and what makes it.
# The -dev packages bring the libraries, under the names that they have in each release.
HOST_PACKAGES = systemd,systemd-sysv,dbus,nginx,redis-server,curl,ca-certificates,tzdata,openssl,libfcgi-dev,libhiredis-dev,libcurl4-openssl-dev,libssl-dev,zlib1g-dev,python3,iproute2
HOST_TOOLS    = mmdebstrap systemd-container
# What reads the manual page and the completions.
MANUAL_TOOLS  = fish man-db mandoc zsh
SUDO     = $(shell [ "$$(id -u)" = 0 ] || echo sudo)
# The release after the one that this is developed on, with what Swift's toolchain links there; the toolchain itself is mounted.
NEXT          = trixie
NEXT_ROOT     = .build/next-root
NEXT_BUILD    = .build-next
NEXT_HOST     = .build/next-host-root
NEXT_UPGRADE  = .build/next-upgrade
comma         = ,
NEXT_PACKAGES = $(subst $() ,$(comma),$(strip $(PACKAGES) $(STACK_PACKAGES) $(MANUAL_TOOLS) ca-certificates dpkg-dev g++ git libncurses6 libsqlite3-0 libxml2 make pkg-config))
TOOLCHAIN     = $(shell dirname $$(command -v swift) | sed 's|/usr/bin$$||')
# The pages.
DOCS     = Sources/WorkflowCommand/WorkflowCommand.docc
# One binary that needs no Swift on the host.
RELEASE  = WF_VERSION=$$(systemd/debian/version.sh) swift build --scratch-path $(BUILD) $(RESOLVED) -c release --static-swift-stdlib \
    --product wf

# Clients of event streams, from PyPI and Debian; and web servers and Prometheus, unpacked instead of installed, so that none is
# started.
CLIENTS     = .build/stream-clients
FRONTS      = .build/web-servers

# What reads the OpenAPI document, and tests the API by it.
SCHEMA      = .build/schema-venv

# What drives Chromium through the pages; the browser is Debian's.
PAGES       = .build/pages-venv

# The peers and the harness, in separate virtual environments.
VENV     = .build/bench-venv
ROWS    ?=
OPTIONS ?=
BASE    ?=
ifneq ($(BASE),)
BASE_COMMIT := $(shell git rev-parse --verify --quiet --short=12 '$(BASE)^{commit}')
$(if $(BASE_COMMIT),,$(error BASE=$(BASE) is no commit of this repository))
BASE_BINARY  = .build/bench-base-$(BASE_COMMIT)/.build/release/wf
endif

# The model servers of the tests, in a virtual environment too.
MODELS   = .build/models-venv

# Engines beside Debian's Redis: packages of PyPI, whose server alone is used.
ENGINE  ?=
ENGINES  = .build/engines
NEWEST   = valkey9
# What runs on the newest engine in every run.
SHORT    = HiredisTests|WorkflowStoreTests|ContractTests|CrashTests

# Suites that run by themselves, one test at a time: they load the machine, or wait no longer than a promise allows.
ALONE    = OpenAPITests|HostTests|ExpiryTests|ReadingTests|RecovererTests|SlowPathTests|ManyWatchersTests|ManyStreamsTests

# Tests that run at one time (Swift Testing 6.3). All at once would keep each of them waiting for the others.
export SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH = 24

.DEFAULT_GOAL = help

.PHONY: help run test test-newest test-litellm test-next rehearse-next rehearsal bench chaos build docs lint packages install deb

run test chaos bench: PACKAGES += $(STACK_PACKAGES)
deb rehearsal rehearse-next test test-next: PACKAGES += dpkg-dev
rehearsal rehearse-next test-next: PACKAGES += $(HOST_TOOLS)

test: PACKAGES += chromium python3-venv
test: $(CLIENTS)/installed $(FRONTS)/unpacked $(SCHEMA)/installed $(PAGES)/installed
test: export STREAM_CLIENTS = $(CURDIR)/$(CLIENTS)
test: export SCHEMA_TOOLS   = $(CURDIR)/$(SCHEMA)
test: export PAGES_TOOLS    = $(CURDIR)/$(PAGES)
test: export WEB_SERVERS    = $(CURDIR)/$(FRONTS)/root

ifneq ($(FAILOVER),)
chaos: PACKAGES += iproute2
endif

ifneq ($(ENGINE),)
test: $(ENGINES)/$(ENGINE)/redis-server
test: export REDIS_SERVER = $(CURDIR)/$(ENGINES)/$(ENGINE)/redis-server
test: export PATH := $(CURDIR)/$(ENGINES)/$(ENGINE):$(PATH)
endif

# Only root can boot a container.
ifeq ($(shell id -u),0)
test: PACKAGES += $(HOST_TOOLS) iproute2 iptables
test: rehearsal
test: export HOST_ROOT    = $(CURDIR)/$(HOST)
test: export HOST_PACKAGE = $(CURDIR)/.build/wf.deb
endif

help:
	@sed -n '/^# help: begin/,/^# help: end/{ /^# help:/d; s/^# //; p }' Makefile

run: build
	.build/release/wf dev --port $(PORT)

test: PACKAGES += python3 python3-venv $(MANUAL_TOOLS)
test: packages lint $(MODELS)/installed
	swift build --build-tests
	$(MAKE) docs
	Tests/run 1500 --skip "$(ALONE)|LiteLLMTests"
	Tests/run 2400 --no-parallel --filter "$(ALONE)"
	[ -n '$(ENGINE)' ] || $(MAKE) test-newest

test-newest: $(ENGINES)/$(NEWEST)/redis-server
	REDIS_SERVER=$(CURDIR)/$< PATH=$(CURDIR)/$(<D):$$PATH Tests/run 900 --filter "$(SHORT)" --skip "$(ALONE)"

$(ENGINES)/%/redis-server: Tests/Engines/engines.txt | packages
	rm -rf $(@D)
	python3 -m venv $(@D)/venv
	line=$$(grep '^$* ' $<) || { echo 'ENGINE=$* is none of:' $$(sed -n 's/^\([a-z0-9]*\) .*/\1/p' $<); exit 1; }; set -- $$line; \
	    $(@D)/venv/bin/pip install --quiet --no-deps --target $(@D)/package $$2 && install -m755 $(@D)/package/$$3 $@
	$@ --version

$(CLIENTS)/installed: Tests/Clients/requirements.txt Tests/Clients/requirements-sseclient-py.txt | packages
	python3 -m venv $(CLIENTS)
	$(CLIENTS)/bin/pip install --quiet -r $<
	$(CLIENTS)/bin/pip install --quiet --upgrade --no-deps --target $(CLIENTS)/sseclient-py -r $(word 2,$^)
	touch $@

# With the libraries that are not installed either. Servers that are installed come too: apt fetches them only to be
# installed again.
$(FRONTS)/unpacked: Makefile | packages
	rm -rf $(FRONTS)
	mkdir -p $(FRONTS)/archives/partial $(FRONTS)/root
	$(SUDO) apt-get install -qqy --download-only --reinstall --no-install-recommends \
	    -o Dir::Cache::archives=$(CURDIR)/$(FRONTS)/archives apache2-bin lighttpd caddy haproxy prometheus
	find $(FRONTS)/archives -name '*.deb' -exec dpkg-deb -x {} $(FRONTS)/root ';'
	touch $@

test-litellm: PACKAGES += python3 python3-venv
test-litellm: packages $(MODELS)-litellm/installed
	swift build --build-tests
	Tests/run 600 --filter LiteLLMTests

# The package, and a Debian without wf to install it on.
rehearsal: deb $(HOST)/etc/debian_version
	ln -f .build/wf_*.deb .build/wf.deb

$(HOST)/etc/debian_version: Makefile | packages
	rm -rf $(HOST)
	. /etc/os-release && mmdebstrap --quiet --variant=minbase --include=$(HOST_PACKAGES) $$VERSION_CODENAME $(HOST)
	touch $@

# Packages are resolved here, where the network is; the container has none but its loopback.
test-next: packages $(NEXT_ROOT)/etc/debian_version
	$(IN_NEXT) 'ulimit -n $$(ulimit -Hn); \
	    swift build --scratch-path $(NEXT_BUILD) --disable-automatic-resolution --build-tests; \
	    BUILD=$(NEXT_BUILD) Tests/run 1500 --skip "$(ALONE)"; \
	    BUILD=$(NEXT_BUILD) Tests/run 2400 --no-parallel --filter "$(ALONE)"'
	$(MAKE) rehearse-next

test-next rehearse-next: IN_NEXT = [ -n '$(TOOLCHAIN)' ] || { echo 'swift must be in a separate folder, not in /usr'; exit 1; }; \
    swift package --scratch-path $(NEXT_BUILD) resolve && \
    systemd-nspawn --quiet --register=no --keep-unit --private-network --volatile=overlay --as-pid2 \
    --directory=$(NEXT_ROOT) --bind=$(CURDIR) --bind-ro=$(TOOLCHAIN) --chdir=$(CURDIR) --pipe \
    --setenv=SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH --setenv=PATH=$(TOOLCHAIN)/usr/bin:/usr/sbin:/usr/bin:/sbin:/bin sh -euc

# The tests run here, and look into the hosts.
rehearse-next: rehearsal $(NEXT_ROOT)/etc/debian_version $(NEXT_HOST)/etc/debian_version $(NEXT_UPGRADE)/sources.list
	$(IN_NEXT) 'make deb BUILD=$(NEXT_BUILD) RESOLVED=--disable-automatic-resolution'
	ln -f $(NEXT_BUILD)/wf_*.deb $(NEXT_BUILD)/wf.deb
	swift build --build-tests
	HOST_ROOT=$(CURDIR)/$(NEXT_HOST) HOST_PACKAGE=$(CURDIR)/$(NEXT_BUILD)/wf.deb Tests/run 2400 --no-parallel --filter HostTests
	HOST_ROOT=$(CURDIR)/$(HOST) HOST_PACKAGE=$(CURDIR)/.build/wf.deb HOST_UPGRADE=$(CURDIR)/$(NEXT_UPGRADE) \
	    NEXT_PACKAGE=$(CURDIR)/$(NEXT_BUILD)/wf.deb Tests/run 1200 --no-parallel --filter ReleaseUpgradeTests

$(NEXT_HOST)/etc/debian_version: Makefile | packages
	rm -rf $(NEXT_HOST)
	mmdebstrap --quiet --variant=minbase --include=$(HOST_PACKAGES) $(NEXT) $(NEXT_HOST)
	touch $@

# What apt needs to upgrade a host to the next release: the host that boots has no network.
$(NEXT_UPGRADE)/sources.list: $(HOST)/etc/debian_version
	rm -rf $(NEXT_UPGRADE)
	mkdir -p $(NEXT_UPGRADE)
	. /etc/os-release && systemd-nspawn --quiet --register=no --keep-unit --volatile=overlay --as-pid2 --directory=$(HOST) \
	    --bind=$(CURDIR)/$(NEXT_UPGRADE):/mnt --pipe sh -euc "sed -i s/$$VERSION_CODENAME/$(NEXT)/g /etc/apt/sources.list; \
	    apt-get -q update; apt-get -qy --download-only full-upgrade; \
	    cp -a /var/lib/apt/lists /var/cache/apt/archives /etc/apt/sources.list /mnt"

$(NEXT_ROOT)/etc/debian_version: | packages
	rm -rf $(NEXT_ROOT)
	mkdir -p $(dir $(NEXT_ROOT))
	mmdebstrap --quiet --variant=minbase --include=$(NEXT_PACKAGES) $(NEXT) $(NEXT_ROOT)
	printf '127.0.0.1 localhost\n::1 localhost\n' > $(NEXT_ROOT)/etc/hosts
	touch $@

build: packages
	$(RELEASE)

chaos: CHAOS = .build/release/chaos --seconds $(SECONDS) $(if $(SEED),--seed $(SEED)) $(if $(PARTITIONS),--partitions $(PARTITIONS))
chaos: build
	$(RELEASE:wf=chaos)
	$(RELEASE:wf=FakeClock)
ifeq ($(FAILOVER),)
	$(CHAOS)
else
	for n in $(WAIT_REPLICAS); do unshare --net $(CHAOS) --failover $(FAILOVER) --wait-replicas $$n || exit 1; done
endif

bench: PACKAGES += gcc libc6-dev python3 python3-venv wrk
bench: build $(VENV)/arq/installed $(VENV)/queues/installed $(BASE_BINARY)
	$(VENV)/arq/bin/python Tests/Bench/bench.py --rows '$(ROWS)' $(if $(BASE),--base $(BASE_COMMIT)) $(OPTIONS)

# The release binary of another commit, with the versions of the packages that this build has.
.build/bench-base-%/.build/release/wf: | build
	rm -rf .build/bench-base-$*
	mkdir -p .build/bench-base-$*
	git archive $* | tar x -C .build/bench-base-$*
	cp Package.resolved .build/bench-base-$*/
	swift build --package-path .build/bench-base-$* -c release --static-swift-stdlib --product wf

$(MODELS)/installed: Tests/RealModels/requirements.txt | packages
	python3 -m venv $(MODELS)
	$(MODELS)/bin/pip install --quiet -r $<
	touch $@

$(MODELS)-litellm/installed: Tests/RealModels/requirements-litellm.txt | packages
	python3 -m venv $(MODELS)-litellm
	$(MODELS)-litellm/bin/pip install --quiet -r $<
	touch $@

$(SCHEMA)/installed: Tests/Schema/requirements.txt | packages
	python3 -m venv $(SCHEMA)
	$(SCHEMA)/bin/pip install --quiet -r $<
	touch $@

$(PAGES)/installed: Tests/Pages/requirements.txt | packages
	python3 -m venv $(PAGES)
	$(PAGES)/bin/pip install --quiet -r $<
	touch $@

$(VENV)/%/installed: Tests/Bench/requirements-%.txt | packages
	python3 -m venv $(VENV)/$*
	$(VENV)/$*/bin/pip install --quiet -r $<
	touch $@

# Pages and public doc comments; a link that leads nowhere is an error. The extraction wants the module maps of the C targets.
docs: packages
	@for tag in $$(git tag --list 'v[0-9]*'); do grep -qx "## $${tag#v}" $(DOCS)/Changelog.md \
	    || { echo "Changelog.md has no section $${tag#v}"; exit 1; }; done
	swift build --target WorkflowCommand
	rm -rf .build/symbols .build/wf.doccarchive
	mkdir -p .build/symbols
	swift symbolgraph-extract -module-name WorkflowCommand -output-dir .build/symbols -minimum-access-level public \
	    -target $$(swift -print-target-info | sed -n 's/.*"triple": "\(.*\)",/\1/p') -I .build/debug/Modules \
	    $$(find Sources .build/checkouts/*/Sources .build/debug/C[CTV]*.build -name module.modulemap -printf '-I %h ')
	docc convert $(DOCS) --additional-symbol-graph-dir .build/symbols --output-path .build/wf.doccarchive \
	    --fallback-display-name wf --fallback-bundle-identifier wf --warnings-as-errors

# The formatter checks the width of code, but not of comments. Keys.swift is a table.
lint: WIDE = git grep -nE -e '^.{121,}$$' --and -e
lint: LEFT = $(patsubst %,':!Sources/%',WorkflowStore/Keys.swift)
lint: CODE = '*.swift' '*.lua' '*.c' '*.h' '*.py'
lint:
	swift format lint --strict --recursive Package.swift Sources Tests
	@export LC_ALL=C.UTF-8; ! { $(WIDE) '^ *//' -- '*.swift' $(LEFT); $(WIDE) '^[-A-Z{ ]' --and --not -e '^  ' -- '*.lua'; } | grep . \
	    || { echo 'comments wider than 120 columns'; exit 1; }
	@! git grep -c '' -- $(CODE) '*.sh' | awk -F: '$$2 > 300' | grep . || { echo 'files of more than 300 lines'; exit 1; }
	@git grep -zl '' -- $(CODE) | xargs -0 awk -f Tests/long-functions.awk

packages:
	@missing=$$(for p in $(PACKAGES); do \
	    dpkg-query -W -f '$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || echo $$p; done); \
	[ -z "$$missing" ] || { echo "installing" $$missing; \
	    $(SUDO) apt-get update -q && DEBIAN_FRONTEND=noninteractive $(SUDO) apt-get install -qy $$missing; }

# Where zsh looks: for packages, and for what is installed by hand.
ZSH_FOLDER = zsh/$(if $(filter /usr,$(PREFIX)),vendor-completions,site-functions)
SHARE      = $(DESTDIR)$(PREFIX)/share

install: build
	install -Ds -m755 $(BUILD)/release/wf $(DESTDIR)$(PREFIX)/bin/wf
	install -Dm644 -t $(DESTDIR)$(PREFIX)/share/doc/wf README.md $(DOCS)/*.md
	sed -i 's|$(DOCS)/||' $(DESTDIR)$(PREFIX)/share/doc/wf/README.md
	install -d $(addprefix $(SHARE)/,man/man1 bash-completion/completions fish/vendor_completions.d $(ZSH_FOLDER))
	$(BUILD)/release/wf manual --docs $(DOCS) --date "$$(LC_ALL=C date -u -d @$$(git log -1 --format=%ct 2> /dev/null || date +%s) '+%B %-d, %Y')" > $(BUILD)/wf.1
	gzip -9nc $(BUILD)/wf.1 > $(SHARE)/man/man1/wf.1.gz
	$(BUILD)/release/wf --generate-completion-script bash > $(SHARE)/bash-completion/completions/wf
	$(BUILD)/release/wf --generate-completion-script fish > $(SHARE)/fish/vendor_completions.d/wf.fish
	$(BUILD)/release/wf --generate-completion-script zsh > $(SHARE)/$(ZSH_FOLDER)/_wf
	install -Dm644 -t $(DESTDIR)$(PREFIX)/share/wf nginx/wf.conf systemd/wf.env systemd/monitoring/*
	install -m755 nginx/write-site systemd/write-defaults $(DESTDIR)$(PREFIX)/share/wf
	@snippet=$(DESTDIR)/etc/nginx/snippets/wf-locations.conf; if [ -e $$snippet ] && ! cmp -s nginx/wf-locations.conf $$snippet; then \
	    cp -p $$snippet $$snippet.old; echo "$$snippet is replaced; what it was is $$snippet.old"; fi
	install -Dm644 nginx/wf-locations.conf $(DESTDIR)/etc/nginx/snippets/wf-locations.conf
	install -d $(DESTDIR)$(UNITDIR)
	for unit in wf-api.socket wf-api.service wf-worker.service wf-worker.target; do \
	    sed 's|/usr/local|$(PREFIX)|' systemd/$$unit > $(DESTDIR)$(UNITDIR)/$$unit || exit 1; done
	cp $(DESTDIR)$(UNITDIR)/wf-worker.service $(DESTDIR)$(UNITDIR)/wf-worker@.service
	[ -n '$(DESTDIR)' ] || $(PREFIX)/share/wf/write-defaults

# dpkg-shlibdeps names the packages of the libraries that the binary was linked against, and their versions. libcurl is loaded
# by the processes that need it (CurlLibrary.swift), so its package is named here.
deb: packages
	rm -rf $(DEB) $(BUILD)/wf_*.deb
	$(MAKE) install DESTDIR=$(DEB) PREFIX=/usr UNITDIR=/lib/systemd/system
	install -d $(DEB)/DEBIAN $(DEB).libraries/debian
	echo 'Source: wf' > $(DEB).libraries/debian/control
	cd $(DEB).libraries && dpkg-shlibdeps -O ../deb/usr/bin/wf > depends
	curl=$$(dpkg-query -S '*/libcurl.so.4' | sed -n 's/:.*//p;q') && [ -n "$$curl" ] \
	    && sed -i "s/^shlibs:Depends=.*/&, $$curl (>= 7.88)/" $(DEB).libraries/depends
	. /etc/os-release && sed -e "s/@VERSION@/$$($(BUILD)/release/wf --version)+deb$$VERSION_ID/" -e "s/@ARCHITECTURE@/$$(dpkg --print-architecture)/" \
	    -e "s/@LIBRARIES@/$$(sed -n 's/^shlibs:Depends=//p' $(DEB).libraries/depends)/" \
	    systemd/debian/control > $(DEB)/DEBIAN/control
	install -m644 systemd/debian/conffiles $(DEB)/DEBIAN/
	install -m755 systemd/debian/postinst systemd/debian/prerm systemd/debian/postrm $(DEB)/DEBIAN/
	dpkg-deb --root-owner-group --build $(DEB) $(BUILD)/
