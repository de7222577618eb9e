# What is typed most: `make quickstart`, `make test`, `make install PREFIX=…`. Both of the first install what is missing.

SWIFT ?= swift
PREFIX ?= /usr/local
BUILD := .build/release
APT_PACKAGES := libffi-dev libdnnl-dev libmd-dev

.PHONY: build quickstart test lint install dependencies clean

build: dependencies
	$(SWIFT) build -c release

# Trains a small transformer with DPO and with Cal-DPO on generated reviews, and writes a report.
quickstart: build
	@output=runs/quickstart-$$(date +%Y%m%d-%H%M%S); \
	$(BUILD)/losskit compare --recipe Examples/quickstart.yaml --output "$$output"

test: dependencies lint
	$(SWIFT) build --build-tests
	$(SWIFT) test --skip-build

lint:
	$(SWIFT) format lint --strict --recursive Package.swift Sources Plugins Tests Examples

install: build
	install -d "$(DESTDIR)$(PREFIX)/bin" "$(DESTDIR)$(PREFIX)/lib/losskit/plugins" "$(DESTDIR)$(PREFIX)/include"
	install -m 755 $(BUILD)/losskit "$(DESTDIR)$(PREFIX)/bin/losskit"
	install -m 755 $(BUILD)/lib*.so "$(DESTDIR)$(PREFIX)/lib/losskit/plugins/"
	install -m 644 Sources/CLossKit/include/losskit_plugin.h "$(DESTDIR)$(PREFIX)/include/losskit_plugin.h"
	rm -rf "$(DESTDIR)$(PREFIX)/share/losskit/swift"
	install -d "$(DESTDIR)$(PREFIX)/share/losskit/swift"
	cp -R Sources/Package.swift Sources/CLossKit Sources/CLossKitKernels Sources/LossKit "$(DESTDIR)$(PREFIX)/share/losskit/swift/"

# Headers that the system does not have yet come from its packages.
dependencies:
	@if ! printf '#include <ffi.h>\n#include <oneapi/dnnl/dnnl.h>\n#include <sys/types.h>\n#include <sha256.h>\n' \
	  | clang -E - >/dev/null 2>&1; then \
	  echo "Installing $(APT_PACKAGES), which LossKit is built with."; \
	  if [ "$$(id -u)" -eq 0 ]; then sudo=; else sudo=sudo; echo "sudo may ask for your password."; fi; \
	  $$sudo apt-get update -q && $$sudo apt-get install -y -q $(APT_PACKAGES); \
	fi

clean:
	$(SWIFT) package clean
