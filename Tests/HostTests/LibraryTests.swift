import Foundation
import Testing

/// liblosskit.so, used by C programs built against an installed prefix.
@Suite("liblosskit.so", .serialized)
struct LibraryTests {
  @Test(
    "C programs find no fault with it",
    arguments: [
      "arrays", "errors", "formulas", "functions", "state", "threads",
    ])
  func program(name: String) throws {
    let outcome = try Prefix.shared.get().shell("\(Self.compile(name)); ./\(name)")
    #expect(outcome.status == 0 && outcome.output.isEmpty, "\(outcome.output)")
  }

  @Test("A host survives plugins that end the process that opens them")
  func survives() throws {
    let outcome = try Prefix.shared.get().shell(
      """
      \(Self.compile("survives"))
      mkdir plugins
      cat >loss.h <<'end'
      #include <stdlib.h>
      #include <losskit_plugin.h>
      static double loss(double chosen, double rejected, double beta, double *d_chosen, double *d_rejected) {
        *d_chosen = -beta;
        *d_rejected = beta;
        return -beta * (chosen - rejected);
      }
      LOSSKIT_PAIRWISE_LOSS(loss, NAME, "A loss.", LOSSKIT_SCALE("beta", 0.1, "KL strength"))
      #define WHEN_OPENED __attribute__((constructor)) static void opened(void)
      end
      build() {
        printf '#define NAME "%s"\\n#include "loss.h"\\n%s\\n' "$1" "$2" >plugin.c
        cc -shared -fPIC -I "$PREFIX/include" plugin.c -o "plugins/lib$1.so"
      }
      build good ''
      build aborting 'WHEN_OPENED { abort(); }'
      build exiting 'WHEN_OPENED { exit(0); }'
      build crashing 'WHEN_OPENED { *(volatile int *)8 = 1; }'
      ./survives "$PWD/plugins" libaborting.so libexiting.so libcrashing.so
      """)
    #expect(outcome.status == 0 && outcome.output.isEmpty, "\(outcome.output)")
  }

  @Test("For every loss over every reward, results are finite, and floats are the rounded doubles")
  func finite() throws {
    let outcome = try Prefix.shared.get().shell(
      """
      \(Self.compile("finite"))
      "$PREFIX/bin/losskit" list | awk '
        $1 == "loss" { losses[++loss_count] = $2 } $1 == "reward" { rewards[++reward_count] = $2 } $1 == "objective" { print $2 }
        END {
          for (i = 1; i <= loss_count; i++) {
            print losses[i]
            for (j = 1; j <= reward_count; j++) print losses[i] " @ " rewards[j]
          }
        }' | tr '\\n' '\\0' | xargs -0 ./finite
      """)
    #expect(outcome.status == 0 && outcome.output.isEmpty, "\(outcome.output.prefix(4000))")
  }

  @Test("A ragged batch has the results of a rank-major one, for every loss and objective")
  func ragged() throws {
    let outcome = try Prefix.shared.get().shell(
      """
      \(Self.compile("ragged"))
      "$PREFIX/bin/losskit" list | awk '$1 == "loss" || $1 == "objective" { print $2 }' | xargs ./ragged
      """)
    #expect(outcome.status == 0 && outcome.output.isEmpty, "\(outcome.output.prefix(4000))")
  }

  @Test("Sequences of calls with any handles, shapes, types and strides return")
  func sequences() throws {
    // `make fuzz` runs the same program with coverage and AddressSanitizer.
    let outcome = try Prefix.shared.get().shell(
      """
      cc -std=gnu11 -DREPLAY -Wall -Wextra -Werror "$PACKAGE/Tests/FuzzTests/sequence.c" $(pkg-config --cflags --libs losskit) -o sequence
      ./sequence "$PACKAGE"/Tests/FuzzTests/Corpus/sequence/*
      """)
    #expect(outcome.status == 0 && outcome.output.isEmpty, "\(outcome.output.prefix(4000))")
  }

  @Test("A host can close and reopen it")
  func reopened() throws {
    let outcome = try Prefix.shared.get().shell(
      "\(Self.compile("reopened", linking: "--cflags")) -O2; ./reopened \"$PREFIX/lib/liblosskit.so\"")
    #expect(outcome.status == 0 && outcome.output.isEmpty, "\(outcome.output)")
  }

  @Test("A host that closes what it opened does not leak", .enabled(if: hasLeakSanitizer))
  func leaks() throws {
    let outcome = try Prefix.shared.get().shell("\(Self.compile("leaks")) -fsanitize=leak; ./leaks")
    #expect(outcome.status == 0 && outcome.output.isEmpty, "\(outcome.output.prefix(4000))")
  }

  /// Whether the C compiler has a leak sanitizer.
  private static var hasLeakSanitizer: Bool {
    let program = "echo 'int main(void) { return 0; }' | cc -x c -fsanitize=leak -o has - && ./has"
    return (try? Prefix.shared.get().shell(program).status) == 0
  }

  @Test("Two versions of it work in one process")
  func copies() throws {
    let outcome = try Prefix.shared.get().shell(
      """
      \(Self.compile("copies"))
      LC_ALL=C sed 's/1\\.0\\.0/1.9.9/g' "$PREFIX/lib/liblosskit.so" >"$PREFIX/lib/libanother.so"
      ./copies "$PREFIX/lib/liblosskit.so" "$PREFIX/lib/libanother.so"
      """)
    #expect(outcome.status == 0 && outcome.output.isEmpty, "\(outcome.output)")
  }

  @Test("The header, the library, pkg-config and the command have one version")
  func version() throws {
    let outcome = try Prefix.shared.get().shell(
      """
      cat >version.c <<'end'
      #include <losskit.h>
      #include <stdio.h>
      int main(void) {
        printf("%s\\n%s\\n", LOSSKIT_VERSION, losskit_version());
        printf("%d.%d.%d\\n", LOSSKIT_VERSION_MAJOR, LOSSKIT_VERSION_MINOR, LOSSKIT_VERSION_PATCH);
      }
      end
      cc version.c $(pkg-config --cflags --libs losskit) -o version
      ./version
      pkg-config --modversion losskit
      "$PREFIX/bin/losskit" --version | cut -d ' ' -f 2
      """)
    let versions = outcome.output.split(separator: "\n")
    #expect(versions.count == 5 && Set(versions).count == 1, "\(outcome.output)")
  }

  @Test("Installed files search for libraries only in the prefix and the system")
  func runPaths() throws {
    // Absolute paths would be the toolchain's.
    let outcome = try Prefix.shared.get().shell(
      """
      find "$PREFIX" -type f | while read -r file; do
        readelf -d "$file" 2>/dev/null | grep -E 'R(UN)?PATH' | grep -e '[[]/' -e ':/' && echo "$file" || true
      done
      readelf -d "$PREFIX/bin/losskit" | grep -F 'ORIGIN/../lib/losskit' >/dev/null
      """)
    #expect(outcome.status == 0 && outcome.output.isEmpty, "\(outcome.output)")
  }

  @Test("Without a toolchain, the installed command lists, describes, evaluates and trains, and C programs run")
  func withoutToolchain() throws {
    let outcome = try Prefix.shared.get().shell(
      """
      \(Self.compile("arrays"))
      cat >steps <<'end'
      set -e
      "$0/bin/losskit" list
      "$0/bin/losskit" describe cal-dpo
      echo '{"policy_logp": [-10, -12], "reference_logp": [-11, -11]}' | "$0/bin/losskit" evaluate --loss dpo --input - --output -
      "$0/bin/losskit" train --loss dpo --max-steps 1 --train-size 8 --eval-size 2 --policy-set hidden_size=16 \
        --policy-set num_hidden_layers=1 --policy-set num_attention_heads=2 --output run
      ./arrays
      end
      "$PACKAGE/Tests/without-toolchain" sh -c "$(cat steps)" "$PREFIX"
      """)
    #expect(outcome.status == 0, "\(outcome.output)")
    for words in ["cal-dpo", "arXiv:2412.14516", "d_policy_logp", "rewards/margins"] {
      #expect(outcome.output.contains(words), "\(outcome.output)")
    }
    #expect(!outcome.output.contains("not usable"), "\(outcome.output)")
  }

  @Test("The headers are C11 and C++17, alone and together")
  func header() throws {
    let outcome = try Prefix.shared.get().shell(
      """
      for headers in '#include <losskit.h>' '#include <losskit_logprob.h>' \
        '#include <losskit.h>\n#include <losskit_plugin.h>\n#include <losskit_logprob.h>' \
        '#include <losskit_logprob.h>\n#include <losskit_plugin.h>\n#include <losskit.h>'; do
        printf "$headers\\n" >header.c
        cc -std=c11 -pedantic -Wall -Wextra -Werror -fsyntax-only -I "$PREFIX/include" header.c
        c++ -std=c++17 -pedantic -Wall -Wextra -Werror -fsyntax-only -x c++ -I "$PREFIX/include" header.c
      done
      """)
    #expect(outcome.status == 0, "\(outcome.output)")
  }

  @Test("Programs link it by the name of its major version, which the symbolic links resolve to")
  func majorVersion() throws {
    let outcome = try Prefix.shared.get().shell(
      """
      \(Self.compile("arrays"))
      readelf -d arrays | grep -o 'liblosskit[^]]*'
      readlink "$PREFIX/lib/liblosskit.so" "$PREFIX/lib/liblosskit.so.1"
      pkg-config --modversion losskit
      """)
    let lines = outcome.output.split(separator: "\n")
    let version = try #require(lines.last)
    #expect(lines == ["liblosskit.so.1", "liblosskit.so.1", "liblosskit.so.\(version)", version], "\(outcome.output)")
  }

  private static func compile(_ name: String, linking flags: String = "--cflags --libs") -> String {
    "cc -std=gnu11 -Wall -Wextra -Werror -Wno-unused-function -I \"$PACKAGE/Tests/HostTests/Fixtures\" "
      + "\"$PACKAGE/Tests/HostTests/Fixtures/\(name).c\" $(pkg-config \(flags) losskit) -lm -ldl -lpthread -o \(name)"
  }
}
