import Foundation
import LossKit
import Testing

/// Compatibility with releases: headers, layouts, values and symbols. Tests/ABI holds the headers of each release, and programs
/// that use all of them.
@Suite("The C ABI", .serialized)
struct ABITests {
  private static let directory = Program.package + "/Tests/ABI"
  /// A release with changed headers adds a folder with them.
  private static let releases = ["1.0.0"]
  private static let headers = ["losskit.h", "losskit_plugin.h", "losskit_logprob.h"]

  /// The location of headers: those of a release, or the installed ones.
  private static func includeDirectory(_ version: String) throws -> String {
    version == "today" ? try Prefix.shared.get().path + "/include" : "\(directory)/\(version)"
  }

  private func declarations(_ header: String, of version: String) throws -> CDeclarations {
    try declarations(header, in: Self.includeDirectory(version))
  }

  private func declarations(_ header: String, in directory: String) throws -> CDeclarations {
    let outcome = try Prefix.shared.get().shell(
      "printf '#include <\(header)>\\n' | cc -std=c11 -E -C -dD -I '\(directory)' -x c -")
    guard outcome.status == 0 else { throw Failure(outcome.output) }
    return try CDeclarations(preprocessed: outcome.output, of: directory)
  }

  /// What a release's header provides that another lacks, or provides in another form.
  private func changes(from released: CDeclarations, to today: CDeclarations) -> [String] {
    // The version does change.
    released.texts.filter { !$0.key.hasPrefix("LOSSKIT_VERSION") && today.texts[$0.key] != $0.value }.keys.sorted()
  }

  private func source(_ path: String) throws -> String {
    try String(contentsOfFile: Program.package + "/Tests/" + path, encoding: .utf8)
  }

  @Test("A header provides everything from a release, unchanged", arguments: releases, headers)
  func headersKeep(release: String, header: String) throws {
    let released = try declarations(header, of: release), today = try declarations(header, of: "today")
    #expect(changes(from: released, to: today) == [])
    #expect(released.foreignFiles.isSubset(of: today.foreignFiles))
    #expect(!released.functions.isEmpty && !released.structs.isEmpty)
  }

  @Test(
    "What changes in a header without a new name is noticed",
    arguments: [
      ("int64_t prompt;", "int32_t prompt;", "struct losskit_error"),
      ("char message[504];", "char message[512];", "struct losskit_error"),
      ("uint64_t seed;                 /*", "uint64_t seed, more;  /*", "struct losskit_frame"),
      ("LOSSKIT_OP_ABS = 43", "LOSSKIT_OP_ABS = 48", "LOSSKIT_OP_ABS"),
      ("enum { LOSSKIT_LOSS = 1, LOSSKIT_REWARD = 2 };", "enum { LOSSKIT_LOSS = 1 };", "LOSSKIT_REWARD"),
      ("(const losskit_host *host, losskit_error *error);", "(losskit_error *error);", "losskit_plugin_entry_v1"),
      (
        "static inline double losskit_sigmoid(double x)", "static inline float losskit_sigmoid(double x)",
        "losskit_sigmoid"
      ),
      ("LOSSKIT_LOWER_OPEN, initial, 0", "LOSSKIT_LOWER_OPEN, initial, 1", "LOSSKIT_POSITIVE"),
      (
        "#define LOSSKIT_MARGIN_LOSS(function, name, ...)", "#define LOSSKIT_MARGIN_LOSS(name, function, ...)",
        "LOSSKIT_MARGIN_LOSS"
      ),
      ("typedef struct losskit_policy losskit_policy;", "typedef void losskit_policy;", "typedef losskit_policy"),
      ("typedef double (*losskit_row_function)(", "typedef double (*losskit_row)(", "typedef losskit_row_function"),
    ])
  func changesAreNoticed(before: String, after: String, name: String) throws {
    let text = try source("ABI/1.0.0/losskit_plugin.h")
    #expect(text.contains(before))
    let place = try Prefix.shared.get().cleanDirectory()
    try text.replacing(before, with: after, maxReplacements: 1)
      .write(toFile: place + "/losskit_plugin.h", atomically: false, encoding: .utf8)
    let changed = try declarations("losskit_plugin.h", in: place)
    #expect(changes(from: try declarations("losskit_plugin.h", of: "1.0.0"), to: changed).contains(name))
  }

  @Test("Comments, layout, function bodies and internal macros may change, and additions are allowed")
  func additionsAreFree() throws {
    let released = try declarations("losskit_plugin.h", of: "1.0.0")
    let place = try Prefix.shared.get().cleanDirectory()
    try source("ABI/1.0.0/losskit_plugin.h")
      .replacing(
        "static inline double losskit_sigmoid(double x) {",
        with: "static inline double losskit_sigmoid(double x) { /**/"
      )
      .replacing("enum { LOSSKIT_LOSS = 1,", with: "enum {\n LOSSKIT_MORE = 3,\n LOSSKIT_LOSS = 1, /* more */")
      .replacing("#define LOSSKIT_BRACED_(...)", with: "#define LOSSKIT_NEW_(x) x\n#define LOSSKIT_BRACED_(...)")
      .replacing("isnan(", with: "!!isnan(")
      .write(toFile: place + "/losskit_plugin.h", atomically: false, encoding: .utf8)
    let changed = try declarations("losskit_plugin.h", in: place)
    #expect(changes(from: released, to: changed) == [])
    #expect(changed.enumerators.subtracting(released.enumerators) == ["LOSSKIT_MORE"])
  }

  @Test(
    "The comment of each function of a header ends with tags, for its threads and for each pointer that it takes",
    arguments: headers)
  func tags(header: String) throws {
    let text = try String(contentsOfFile: Self.includeDirectory("today") + "/" + header, encoding: .utf8)
    let defined = Set(text.matches(of: /(?m)^ \*   \[([^\]]+)\] {2}/).map(\.output.1))
    let verbs = Set(defined.compactMap { $0.split(separator: " ").first })
    let callables = try declarations(header, of: "today").callables
    for (name, callable) in callables {
      let line = callable.comment.split(separator: "\n").last ?? ""
      let tags = line.matches(of: /\[([^\]]*)\]/).map(\.output.1)
      #expect(tags.first.map(defined.contains) == true, "\(name): its threads")
      for tag in tags.dropFirst() {
        #expect(tag.split(separator: " ").first.map(verbs.contains) == true, "\(name): [\(tag)]")
      }
      let words = Set(tags.flatMap { $0.matches(of: /\w+/).map { String($0.output) } })
      let untagged = Set(callable.pointers).subtracting(words).subtracting(["failure", "error"])
      #expect(untagged == [], "\(name)")
    }
    #expect(!callables.isEmpty)
  }

  @Test("All structs have the sizes and offsets, and enumerators the values, that layout.c states")
  func layout() throws {
    let outcome = try Prefix.shared.get().shell(
      """
      for compiler in 'cc -x c -std=c11' 'c++ -x c++ -std=c++17'; do
        $compiler -pedantic -Wall -Wextra -Werror -fsyntax-only -I "$PREFIX/include" "$PACKAGE/Tests/ABI/layout.c"
      done
      """)
    #expect(outcome.status == 0, "\(outcome.output)")
    let stated = try source("ABI/layout.c").matches(of: /(?m)^([A-Z]+)\((\w+), (-?\w+)/).map(\.output)
    let today = try Self.headers.map { try declarations($0, of: "today") }
    let structs = today.reduce(into: Set<String>()) { $0.formUnion($1.structs) }
    let fields = today.reduce(into: Set<CDeclarations.Field>()) { $0.formUnion($1.fields) }
    let enumerators = today.reduce(into: Set<String>()) { $0.formUnion($1.enumerators) }
    #expect(Set(stated.filter { $0.1 == "SIZE" }.map { String($0.2) }) == structs)
    #expect(
      Set(stated.filter { $0.1 == "FIELD" }.map { CDeclarations.Field(type: String($0.2), name: String($0.3)) })
        == fields)
    #expect(Set(stated.filter { $0.1 == "VALUE" }.map { String($0.2) }) == enumerators)
  }

  @Test(
    "A host and a plugin that use all of a release's headers work with today's library", arguments: releases + ["today"]
  )
  func programs(version: String) throws {
    let outcome = try Prefix.shared.get().shell(
      """
      build() { cc -std=c11 -pedantic -Wall -Wextra -Werror -I '\(try Self.includeDirectory(version))' "$@"; }
      for name in components policy; do build -shared -fPIC "$PACKAGE/Tests/ABI/$name.c" -o lib$name.so -lm; done
      build -Wno-unused-function -I "$PACKAGE/Tests/HostTests/Fixtures" "$PACKAGE/Tests/ABI/host.c" \
        $(pkg-config --libs losskit) -lm -o host
      build -Wno-unused-function -I "$PACKAGE/Tests/HostTests/Fixtures" "$PACKAGE/Tests/ABI/logits.c" \
        $(pkg-config --libs losskit) -lm -o logits
      ./host "$PWD/libcomponents.so" "$PREFIX/lib/losskit/plugins"
      ./logits
      check() { "$PREFIX/bin/losskit" check "$PWD/$@" >report || cat report; }
      check libpolicy.so slope
      for name in two-references spread every-operation weighted-tokens numeric-logistic; do check libcomponents.so $name; done
      nm -D --defined-only --extern-only libcomponents.so
      """)
    #expect(outcome.status == 0, "\(outcome.output)")
    #expect(Self.symbols(outcome.output) == ["losskit_plugin_entry_v1"], "\(outcome.output)")
  }

  @Test(
    "The programs use every name of a release's headers", arguments: releases,
    [
      ("losskit.h", ["ABI/host.c", "ABI/logits.c", "HostTests/Fixtures/check.h"]),
      ("losskit_logprob.h", ["ABI/logits.c", "HostTests/Fixtures/check.h"]),
      ("losskit_plugin.h", ["ABI/components.c", "ABI/policy.c", "RuntimeTests/CPlugin/CFunctionTests.swift"]),
    ])
  func programsUseAll(release: String, use: (header: String, sources: [String])) throws {
    let header = try declarations(use.header, of: release)
    let used = Set(
      try use.sources.flatMap { CDeclarations.tokens(try source($0)) }.filter { !CDeclarations.isComment($0) }.map(
        String.init))
    let names = header.functions.union(header.types).union(header.enumerators).union(header.fields.map(\.name))
      .union(header.macros.filter { !$0.hasSuffix("_H") && $0 != "LOSSKIT_NUMBER_TYPES" })
    #expect(names.subtracting(used) == [])
  }

  @Test("liblosskit.so exports exactly the listed symbols, which are the functions of its headers")
  func librarySymbols() throws {
    let outcome = try Prefix.shared.get().shell("nm -D --defined-only --extern-only \"$PREFIX/lib/liblosskit.so\"")
    let listed = try source("ABI/symbols").split(separator: "\n").map(String.init)
    #expect(Self.symbols(outcome.output) == listed, "\(outcome.output)")
    let declared = try ["losskit.h", "losskit_logprob.h"].flatMap { try declarations($0, of: "today").functions }
    #expect(declared.sorted() == listed)
  }

  @Test("An installed plugin has one symbol")
  func pluginSymbols() throws {
    let outcome = try Prefix.shared.get().shell(
      "for file in \"$PREFIX\"/lib/losskit/plugins/*.so; do nm -D --defined-only --extern-only \"$file\" | sed 's/^/0 /'; done"
    )
    let count = try FileManager.default.contentsOfDirectory(atPath: Prefix.shared.get().path + "/lib/losskit/plugins")
      .count { $0.hasSuffix(".so") }
    #expect(Self.symbols(outcome.output) == Array(repeating: "losskit_plugin_entry_v1", count: count) && count > 50)
  }

  /// The names that nm lists, sorted.
  private static func symbols(_ text: String) -> [String] {
    text.split(separator: "\n").compactMap { $0.split(separator: " ").last.map(String.init) }.sorted()
  }
}
