import Foundation
import Testing

@testable import LossKitRuntime

/// Libraries are indexed in separate processes, once.
@Suite struct PluginIndexerTests {
  let workshop: PluginWorkshop
  let directory: String
  let cache: String

  init() throws {
    workshop = try PluginWorkshop()
    directory = try workshop.makeDirectory("plugins")
    cache = try workshop.makeDirectory("cache")
  }

  func registry(program: String? = nil, cache: String? = nil) throws -> PluginRegistry {
    let indexer = PluginIndexer(program: try program ?? BuiltPlugins.directory() + "/losskit-index")
    return PluginRegistry(
      searchPath: try PluginSearchPath([directory]), allowedDigests: nil, indexer: indexer,
      indexFile: IndexFile(cacheDirectory: cache ?? self.cache))
  }

  /// Builds a loss whose library writes the process id to `opened.log` when it is opened.
  @discardableResult
  func loss(_ name: String, version: String = "1", extra: String = "") throws -> String {
    var source = LossSource()
    source.name = "\"\(name)\""
    source.version = "\"\(version)\""
    source.extra = """
      #include <stdio.h>
      #include <unistd.h>
      __attribute__((constructor)) static void opened(void) {
        FILE *const log = fopen("\(workshop.path("opened.log"))", "a");
        fprintf(log, "%d\\n", (int)getpid());
        fclose(log);
      }
      """ + extra
    return try workshop.build(source.text, as: "plugins/lib\(name).so")
  }

  /// The processes that opened libraries so far.
  var openings: [Int] {
    let log = try? String(contentsOfFile: workshop.path("opened.log"), encoding: .utf8)
    return (log ?? "").split(separator: "\n").compactMap { Int($0) }
  }

  /// Waits until the index keeps the new libraries.
  func waitForAge() { usleep(2_100_000) }

  var indexFile: String {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: cache + "/losskit")) ?? []
    return cache + "/losskit/" + (names.first ?? "none")
  }

  @Test(arguments: [
    ("__attribute__((constructor)) static void f(void) { abort(); }", "it crashed the process: Aborted"),
    ("__attribute__((constructor)) static void f(void) { exit(0); }", "it ended the process with status 0"),
    ("__attribute__((constructor)) static void f(void) { *(volatile int *)8 = 1; }", "it crashed the process: Seg"),
    (
      "__attribute__((constructor)) static void f(void) { for (volatile int i = 0;; i++) ; }",
      "it did not return within"
    ),
  ])
  func aLibraryThatEndsItsProcess(extra: String, end: String) throws {
    try loss("first")
    let bad = try loss("middle", extra: "\n#include <stdlib.h>\n" + extra)
    try loss("second")
    let registry = try registry()
    let listing = registry.listing
    #expect(listing.entries.map(\.name) == ["first", "second"])
    #expect(listing.problems.map(\.path) == [bad])
    let text = try #require(listing.problems.first?.message)
    #expect(text.hasPrefix("\(bad): when it was opened, \(end)") && text.hasSuffix("; run 'losskit check \(bad)'"))
    #expect(try registry.component(named: "second", kind: .loss).name == "second")
    #expect(message { try registry.component(named: "middle", kind: .loss) }.contains(text))
  }

  @Test func aLibraryThatHarmsALaterOneIsNotMistakenForIt() throws {
    try loss("a")
    // This process cannot open any more files.
    let breaking = """
      #include <sys/resource.h>
      __attribute__((constructor)) static void f(void) {
        const struct rlimit none = { 0, 0 };
        setrlimit(RLIMIT_NOFILE, &none);
      }
      """
    try loss("b", extra: "\n" + breaking)
    try loss("c")
    #expect(try registry().listing.entries.map(\.name) == ["a", "b", "c"])
  }

  @Test func aLookUpOpensTheLibraryThatItNeedsAndNoOther() throws {
    try loss("wanted")
    try loss("other")
    let registry = try registry()
    #expect(registry.listing.entries.count == 2)
    let before = openings
    #expect(before.count == 2 && !before.contains(Int(getpid())))
    #expect(try registry.component(named: "wanted", kind: .loss).name == "wanted")
    #expect(openings.dropFirst(2) == [Int(getpid())])
  }

  @Test func whatIsKnownIsNotOpenedAgain() throws {
    let path = try loss("toy")
    waitForAge()
    let first = try registry().listing
    #expect(try registry().listing.entries == first.entries && openings.count == 1)
    // A file written just now may change again without a new timestamp, so it is not kept.
    try FileManager.default.removeItem(atPath: path)
    try loss("toy", version: "2")
    #expect(try registry().listing.entries.map(\.version) == ["2"] && openings.count == 2)
    #expect(try registry().listing.entries.map(\.version) == ["2"] && openings.count == 3)
  }

  @Test func theIndexIsTheUsersAlone() throws {
    try loss("toy")
    waitForAge()
    _ = try registry().listing
    let modes = try [cache + "/losskit", indexFile].map {
      try FileManager.default.attributesOfItem(atPath: $0)[.posixPermissions] as? Int
    }
    #expect(modes == [0o700, 0o600])
    #expect(try FileManager.default.contentsOfDirectory(atPath: cache + "/losskit").count == 1)
  }

  @Test(arguments: ["cut", "changed", "empty", "open to others", "a link"])
  func anIndexThatIsDamagedOrNotTheUsersAloneIsMadeAnew(damage: String) throws {
    try loss("toy")
    waitForAge()
    let expected = try registry().listing.entries
    let path = indexFile
    let bytes = try workshop.read(path)
    switch damage {
    case "cut": try Data(bytes.dropLast(30)).write(to: URL(fileURLWithPath: path))
    case "changed":
      let text = String(decoding: bytes, as: UTF8.self).replacing("\ttoy\t", with: "\tyot\t")
      try Data(text.utf8).write(to: URL(fileURLWithPath: path))
    case "empty": try Data().write(to: URL(fileURLWithPath: path))
    case "open to others": try workshop.setPermissions(0o666, of: path)
    default:
      try FileManager.default.moveItem(atPath: path, toPath: workshop.path("elsewhere"))
      try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: workshop.path("elsewhere"))
    }
    #expect(try registry().listing.entries == expected && openings.count == 2)
    #expect(try registry().listing.entries == expected && openings.count == 2)
    #expect(try workshop.read(path) == bytes)
  }

  @Test func whereNoIndexCanBeKeptAllWorks() throws {
    try loss("toy")
    try workshop.write([], as: "file")
    for cache in [workshop.path("no/such"), workshop.path("file")] {
      #expect(try registry(cache: cache).listing.entries.map(\.name) == ["toy"])
    }
    #expect(!FileManager.default.fileExists(atPath: workshop.path("no")))
  }

  @Test(arguments: ["/no/such/program", "/bin/false", "/bin/true", "/bin/cat"])
  func aProgramThatIsNoIndexerIsDoneWithout(program: String) throws {
    try loss("toy")
    #expect(try registry(program: program).listing.entries.map(\.name) == ["toy"])
    #expect(openings == [Int(getpid())])
  }

  @Test func anOpenedLibraryThatIsReplacedIsNotMistakenForTheOldOne() throws {
    let path = try loss("toy")
    #expect(try registry().component(named: "toy", kind: .loss).version == "1")
    try FileManager.default.removeItem(atPath: path)
    try loss("toy", version: "2")
    let text = message { try registry().component(named: "toy", kind: .loss) }
    #expect(text.contains("\(path): another file than the one opened under this name before; start the program again"))
    // In place, so it stays the same file.
    let other = try loss("other")
    #expect(try registry().component(named: "other", kind: .loss).version == "1")
    utimes(other, [timeval(tv_sec: 1, tv_usec: 0), timeval(tv_sec: 1, tv_usec: 0)])
    #expect(
      message { try registry().component(named: "other", kind: .loss) }.contains("\(other): it has changed since"))
  }

  @Test func aManifestIsReadAgainWhenItsLibraryChanges() throws {
    let manifest = """
      { "name": "mine", "kind": "loss", "library": "libmine.so",
        "function": "double mine(double chosen_reward, double rejected_reward)" }
      """
    try workshop.build("double mine(double c, double r) { return r - c; }", as: "plugins/libmine.so")
    try workshop.write(Array(manifest.utf8), as: "plugins/mine.losskit.json")
    waitForAge()
    for _ in 0..<2 {
      let listing = try registry().listing
      #expect(listing.entries.map(\.name) == ["mine"] && listing.problems.isEmpty)
      #expect(listing.entries.map(\.hasNumericGradient) == [true])
    }
    try FileManager.default.removeItem(atPath: workshop.path("plugins/libmine.so"))
    try workshop.build("double yours(double c, double r) { return r - c; }", as: "plugins/libmine.so")
    let listing = try registry().listing
    #expect(listing.entries.isEmpty && listing.problems.contains { $0.message.contains("unknown function 'mine'") })
  }

  @Test func manyThreadsMayAskAtOnce() async throws {
    for name in ["a", "b", "c"] { try loss(name) }
    let registry = try registry()
    await withTaskGroup(of: Bool.self) { group in
      for task in 0..<24 {
        group.addTask {
          let name = ["a", "b", "c"][task % 3]
          return (try? registry.component(named: name, kind: .loss).name) == name && registry.listing.entries.count == 3
        }
      }
      for await isRight in group { #expect(isRight) }
    }
    #expect(openings.count == 6)
  }

  @Test func thousandsThatClaimOneNameAreToldInFewWords() throws {
    let offers = LibraryOffers(offers: [
      PluginOffer(kind: .loss, name: "toy", version: "1", summary: "A toy.", hasNumericGradient: false)
    ])
    let libraries = (0..<10_000).map {
      KnownLibrary("/plugins/lib\($0).so", FileIdentity(device: 1, inode: UInt64($0)), offers)
    }
    let names = PluginNames([libraries])
    #expect(names.entries.count == 10_000)
    #expect(names.entries.allSatisfy { $0.conflictsWith.count == 4 && !$0.conflictsWith.contains($0.library) })
    let text = message { try names.claimant(of: "toy", in: .term) }
    #expect(text.hasPrefix("toy: claimed by the loss of /plugins/lib0.so and by the loss of /plugins/lib1.so and by "))
    #expect(text.contains(" and by 9996 more; remove"))
  }
}
