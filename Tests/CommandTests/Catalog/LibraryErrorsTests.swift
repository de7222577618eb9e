import Foundation
import Testing

/// Libraries that cannot be used: each is reported on standard error, hides no other library, and its names are unavailable.
@Suite struct LibraryErrorsTests {
  let place: Workplace
  let directory: String

  init() throws {
    place = try Workplace()
    directory = try place.makeDirectory("plugins")
  }

  /// The message of `list` and `describe toy` about the one library in the directory.
  private func complaint(sourceLocation: SourceLocation = #_sourceLocation) throws -> String {
    let list = try Tool.run(["list", "--plugin-path", directory])
    #expect(list.status == 0 && list.output.contains("cal-dpo"), sourceLocation: sourceLocation)
    let lines = list.error.split(separator: "\n")
    #expect(lines.count == 1, sourceLocation: sourceLocation)
    let describe = try Tool.run(["describe", "toy", "--plugin-path", directory])
    #expect(describe.status == 69 && describe.output == "", sourceLocation: sourceLocation)
    #expect(describe.error.hasPrefix(list.error), sourceLocation: sourceLocation)
    let evaluate = try Tool.run(["evaluate", "--loss", "toy", "--input", "-", "--plugin-path", directory])
    #expect(evaluate.status == 69 && evaluate.output == "", sourceLocation: sourceLocation)
    #expect(evaluate.error.contains("not usable in the plugin path"), sourceLocation: sourceLocation)
    let prefix = "losskit: not usable: \(directory)/libtoy.so: "
    #expect(list.error.hasPrefix(prefix), sourceLocation: sourceLocation)
    return String(list.error.dropFirst(prefix.count))
  }

  @Test func aDirectoryThatIsMissing() throws {
    let run = try Tool.run(["list", "--plugin-path", place.path("nowhere")])
    #expect(run.status == 0)
    #expect(
      run.error.hasPrefix("losskit: not usable: \(place.path("nowhere")): cannot be searched for plugins: No such file")
    )
  }

  @Test func aLibraryThatIsMissingBehindALink() throws {
    try FileManager.default.createSymbolicLink(
      atPath: directory + "/libtoy.so", withDestinationPath: place.path("gone.so"))
    #expect(try complaint().contains("symbolic link"))
  }

  @Test func aTruncatedLibrary() throws {
    let whole = try place.compile(ToyPlugin.source, as: "whole.so")
    let bytes = try Data(contentsOf: URL(fileURLWithPath: whole))
    try bytes.prefix(bytes.count / 3).write(to: URL(fileURLWithPath: directory + "/libtoy.so"))
    #expect(try complaint().contains("truncated"))
  }

  @Test func aLibraryOfAnotherArchitecture() throws {
    let whole = try place.compile(ToyPlugin.source, as: "whole.so")
    var bytes = try Data(contentsOf: URL(fileURLWithPath: whole))
    bytes[18] = 0xF3
    bytes[19] = 0
    try bytes.write(to: URL(fileURLWithPath: directory + "/libtoy.so"))
    #expect(try complaint().hasPrefix("built for "))
  }

  @Test func aFileThatIsNoLibrary() throws {
    try place.write("no library", as: "plugins/libtoy.so")
    #expect(try complaint().hasPrefix("not a shared library"))
  }

  @Test func aLibraryWithoutTheEntrySymbol() throws {
    try place.compile("int nothing;", as: "plugins/libtoy.so")
    #expect(try complaint().contains("losskit_plugin_entry_v1"))
  }

  @Test func aLibraryOfAnotherVersionOfTheABI() throws {
    try place.compile("const void *losskit_plugin_entry_v2(void) { return 0; }", as: "plugins/libtoy.so")
    #expect(try complaint().hasPrefix("made for plugin ABI 2, this is 1"))
  }

  @Test func aLibraryThatOthersCanWrite() throws {
    let path = try place.compile(ToyPlugin.source, as: "plugins/libtoy.so")
    try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: path)
    #expect(try complaint() == "everyone can write it; remove that permission with chmod o-w\n")
  }

  @Test func aLibraryWhoseEntryReturnsAnError() throws {
    try place.compile(
      "#include <string.h>\n" + ToyPlugin.entry(body: "strcpy(error->message, \"no licence today\"); return 0;"),
      as: "plugins/libtoy.so")
    #expect(try complaint().contains("no licence today"))
  }

  @Test func aLibraryWhoseEntryReturnsNull() throws {
    try place.compile(ToyPlugin.entry(body: "return 0;"), as: "plugins/libtoy.so")
    #expect(try complaint() != "")
  }
}
