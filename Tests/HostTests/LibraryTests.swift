import Foundation
import Testing

/// liblosskit.so, used by C programs that are built from an installed prefix.
@Suite("liblosskit.so", .serialized)
struct LibraryTests {
  @Test(
    "C programs find no fault with it",
    arguments: [
      "arrays", "errors", "functions", "logits", "state", "threads",
    ])
  func program(name: String) throws {
    let outcome = try Prefix.shared.get().shell("\(Self.compile(name)); ./\(name)")
    #expect(outcome.status == 0 && outcome.output.isEmpty, "\(outcome.output)")
  }

  @Test("Two copies of it work in one process")
  func copies() throws {
    let outcome = try Prefix.shared.get().shell(
      """
      \(Self.compile("copies"))
      cp "$PREFIX/lib/liblosskit.so" "$PREFIX/lib/libanother.so"
      ./copies "$PREFIX/lib/liblosskit.so" "$PREFIX/lib/libanother.so"
      """)
    #expect(outcome.status == 0 && outcome.output.isEmpty, "\(outcome.output)")
  }

  @Test("It exports what the headers declare, and nothing else")
  func symbols() throws {
    let outcome = try Prefix.shared.get().shell("nm -D --defined-only --extern-only \"$PREFIX/lib/liblosskit.so\"")
    let exported = Set(
      outcome.output.split(separator: "\n").compactMap { $0.split(separator: " ").last.map(String.init) })
    let headers = try ["losskit", "losskit_logprob"].map {
      try String(contentsOfFile: Prefix.shared.get().path + "/include/\($0).h", encoding: .utf8)
    }
    let declared = Set(
      headers.joined().matches(of: /(?m)^(?:int32_t|void|const char \*) ?(losskit_\w+)\(/).map { String($0.output.1) })
    #expect(exported == declared && declared.count >= 20)
  }

  @Test("Everything installed finds what it needs inside the prefix, where no toolchain is", arguments: ["bin", "lib"])
  func dependencies(folder: String) throws {
    // What an absent toolchain would leave: the loader is told of no other place.
    let files =
      folder == "bin"
      ? "\"$PREFIX/bin/losskit\"" : "\"$PREFIX/lib/liblosskit.so\" \"$PREFIX\"/lib/losskit/plugins/libCalDPO.so"
    let outcome = try Prefix.shared.get().shell("for file in \(files); do ldd \"$file\"; done")
    #expect(outcome.status == 0 && !outcome.output.contains("not found"), "\(outcome.output)")
    let installed = try Prefix.shared.get().shell(
      "ldd \(files) | sed -n 's|.*/\\(lib[^/ ]*\\.so\\) (.*|\\1|p' | grep -E 'swift|dispatch|Blocks|Foundation' | sort -u | "
        + "while read name; do test -e \"$PREFIX/lib/losskit/$name\" || echo missing $name; done")
    #expect(installed.status == 0 && installed.output.isEmpty, "\(installed.output)")
  }

  @Test("The installed command finds the installed plugins")
  func command() throws {
    let outcome = try Prefix.shared.get().shell("\"$PREFIX/bin/losskit\" list")
    #expect(outcome.status == 0 && outcome.output.contains("cal-dpo") && !outcome.output.contains("not usable"))
  }

  @Test("The headers are C11 and C++17, alone and beside each other")
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

  private static func compile(_ name: String) -> String {
    "cc -std=gnu11 -Wall -Wextra -Werror -Wno-unused-function -I \"$PACKAGE/Tests/HostTests/Fixtures\" "
      + "\"$PACKAGE/Tests/HostTests/Fixtures/\(name).c\" $(pkg-config --cflags --libs losskit) -lm -ldl -lpthread -o \(name)"
  }
}
