# What a person installs: a tree below PREFIX, an archive, a Debian package, an image. Each is made from the same tree,
# which `.pack/stage` lays out, and from one commit always the same bytes.

VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)
RELEASE := $(CARGO_TARGET_DIR)/release/hclake
DIST := $(CARGO_TARGET_DIR)/dist
NAME := hclake-$(VERSION)-linux-$(shell uname -m)
DEB := hclake_$(VERSION)_$(subst x86_64,amd64,$(subst aarch64,arm64,$(shell uname -m))).deb
# Where Cargo.toml has `cargo deb` look for it.
PACKAGE := $(CARGO_TARGET_DIR)/release/package
TARGET := $(shell rustc --print host-tuple 2>/dev/null)
LICENSES := $(DIST)/THIRD-PARTY-LICENSES.txt
# Who answers for the Debian package: the one who hands it out.
MAINTAINER ?= The hclake authors <hclake@localhost>
CONTAINER ?= $(or $(shell command -v podman),$(shell command -v docker))
INSTALLED := $(DESTDIR)$(PREFIX)/lib/hclake/installed

# The time of the commit stands for the time of the build. The compilers do not see it: a new commit would build everything.
SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null)
unexport SOURCE_DATE_EPOCH

# Names for the folders of this machine, in the order in which the later one wins.
CARGO_HOME ?= $(HOME)/.cargo
FOLDERS := $(CURDIR)=/hclake $(CARGO_TARGET_DIR)=/target $(CARGO_HOME)=/cargo $(shell rustc --print sysroot 2>/dev/null)=/rust

.PHONY: release install uninstall licenses dist deb test-package reproducible container test-container tools-pack store-fixture dated

release: $(DUCKDB)
	RUSTFLAGS="$(RUSTFLAGS) $(addprefix --remap-path-prefix=,$(FOLDERS))" \
	CFLAGS="$(CFLAGS) $(addprefix -ffile-prefix-map=,$(FOLDERS))" \
	CXXFLAGS="$(CXXFLAGS) $(addprefix -ffile-prefix-map=,$(FOLDERS))" \
	$(CARGO) build --release --locked $(FEATURES)

STAGE = .pack/stage "$(RELEASE)" "$(if $(PREBUILT),$(DUCKDB_DIR))" "$(LICENSES)"

install: release ## the program, its library, manual pages and completions under PREFIX (default ~/.local); DESTDIR is honoured
	$(STAGE) "$(PREFIX)" "$(CARGO_TARGET_DIR)/stage"
	install -d "$(dir $(INSTALLED))"
	@if test -f "$(INSTALLED)"; then cd "$(DESTDIR)$(PREFIX)" && xargs -d '\n' rm -f < "$(INSTALLED)"; fi
	cp -R "$(CARGO_TARGET_DIR)/stage/." "$(DESTDIR)$(PREFIX)/"
	cd "$(CARGO_TARGET_DIR)/stage" && find . -type f | LC_ALL=C sort > "$(INSTALLED)"

uninstall: ## removes what `make install` put under PREFIX, and nothing else
	@test -f "$(INSTALLED)" || { echo "error: nothing is installed under $(DESTDIR)$(PREFIX)"; \
	  echo "hint: name the folder that was installed to: make uninstall PREFIX=…"; exit 1; }
	cd "$(DESTDIR)$(PREFIX)" && xargs -d '\n' rm -f < "$(INSTALLED)" && rm "$(INSTALLED)"
	cd "$(DESTDIR)$(PREFIX)" && rmdir --ignore-fail-on-non-empty --parents lib/hclake share/doc/hclake/examples \
	  share/man/man1 share/bash-completion/completions share/zsh/site-functions share/fish/vendor_completions.d bin

licenses: $(LICENSES) ## target/dist/THIRD-PARTY-LICENSES.txt: the licence of every dependency; needs `make tools-pack`

# The texts in the crates count; no server is asked, so that the file is the same everywhere.
$(LICENSES): Cargo.lock .pack/about.toml .pack/about.hbs
	@$(CARGO) about --version >/dev/null 2>&1 || { echo "error: cargo-about is missing; it writes the licences of the dependencies"; \
	  echo "hint: make tools-pack"; exit 1; }
	@mkdir -p "$(DIST)"
	$(CARGO) fetch --locked --target $(TARGET)
	$(CARGO) about generate --offline --locked --no-default-features --target $(TARGET) --config .pack/about.toml --fail \
	  --output-file "$(LICENSES)" .pack/about.hbs

dist: licenses release dated ## target/dist/hclake-VERSION-linux-x86_64.tar.gz, and its checksum
	$(STAGE) /usr/local "$(DIST)/$(NAME)"
	tar --create --directory "$(DIST)" --format=ustar --sort=name --mtime=@$(SOURCE_DATE_EPOCH) --owner=0 --group=0 \
	  --numeric-owner "$(NAME)" | gzip --no-name -9 > "$(DIST)/$(NAME).tar.gz"
	rm -rf "$(DIST)/$(NAME)"
	cd "$(DIST)" && sha256sum "$(NAME).tar.gz" | tee "$(NAME).tar.gz.sha256"

# What is in it, and where, is in Cargo.toml. A folder DEBIAN tells dpkg-shlibdeps that the library beside it is of this package.
deb: licenses release dated ## target/dist/hclake_VERSION_amd64.deb; needs `make tools-pack` and Debian's dpkg-dev
	@$(CARGO) deb --version >/dev/null 2>&1 || { echo "error: cargo-deb is missing; it makes the Debian package"; \
	  echo "hint: make tools-pack"; exit 1; }
	@command -v dpkg-shlibdeps >/dev/null || { echo "error: dpkg-shlibdeps is missing; it names the libraries that are needed"; \
	  echo "hint: on Debian it is in the package dpkg-dev"; exit 1; }
	$(STAGE) /usr "$(PACKAGE)"
	mkdir "$(PACKAGE)/DEBIAN"
	printf 'hclake (%s) stable; urgency=medium\n\n  * What changed is in CHANGELOG.md.\n\n -- %s  %s\n' "$(VERSION)" "$(MAINTAINER)" \
	  "$$(LC_ALL=C date --utc --rfc-email --date=@$(SOURCE_DATE_EPOCH))" | gzip --no-name -9 > "$(PACKAGE)/share/doc/hclake/changelog.gz"
	SOURCE_DATE_EPOCH=$(SOURCE_DATE_EPOCH) $(CARGO) deb --locked --offline --no-build --no-strip --maintainer "$(MAINTAINER)" \
	  --output "$(DIST)/$(DEB)"
	rm -rf "$(PACKAGE)"
	cd "$(DIST)" && sha256sum "$(DEB)" | tee "$(DEB).sha256"

test-package: dist deb ## what is installed from the tree, the archive and the Debian package runs, and goes without a trace
	.pack/test-package "$(DIST)/$(NAME).tar.gz" "$(DIST)/$(DEB)"

reproducible: dist deb ## whether a clone of this commit in another folder gives the same archive and package
	.pack/test-reproducible "$(DIST)/$(NAME).tar.gz" "$(DIST)/$(DEB)" "$(DUCKDB_DIR)"

container: ## the image hclake:VERSION, by podman or docker
	@test -n "$(CONTAINER)" || { echo "error: neither podman nor docker is here"; exit 1; }
	git archive --format=tar HEAD | $(CONTAINER) build --file .pack/Containerfile \
	  --build-arg SOURCE_DATE_EPOCH=$(SOURCE_DATE_EPOCH) --tag "hclake:$(VERSION)" -

test-container: ## the commands of the Containerfile that build hclake, in a clean clone, without an image
	.pack/test-container "$(DUCKDB_DIR)"

tools-pack: ## cargo-about for `make dist`, and cargo-deb with a compressor of its own for `make deb`
	$(CARGO) install --locked --features cli cargo-about
	$(CARGO) install --locked --features static-lzma cargo-deb

store-fixture: $(DUCKDB) ## tests/fixtures/stores/VERSION: a store of this version, which later ones must open
	HCLAKE_WRITE_STORE=1 $(CARGO) test --locked $(FEATURES) --test it stores_of_each_version::

dated:
	@test -n "$(SOURCE_DATE_EPOCH)" || { echo "error: there is no commit here whose time could stand in the package"; \
	  echo "hint: make … SOURCE_DATE_EPOCH=$$(date +%s)"; exit 1; }
