import Foundation
import LossKitRuntime
import Testing

@Suite struct LibraryFileTests {
  let workshop: PluginWorkshop
  let library: String

  init() throws {
    workshop = try PluginWorkshop()
    library = try workshop.build(LossSource().text, as: "libtoy.so")
  }

  @Test func aMissingFile() {
    let path = workshop.path("libmissing.so")
    #expect(message { try PluginLibrary.open(path) } == "\(path): no such file")
    #expect(message { try PluginLibrary.open("/no/such/directory/libx.so") }.hasSuffix("no such file"))
    #expect(message { try PluginLibrary.open("") }.contains("the path is empty"))
    #expect(message { try PluginLibrary.open("lib\0.so") }.contains("zero byte"))
    #expect(message { try PluginLibrary.open("/tmp/$LIB/libx.so") }.contains("reads a '$' in a path as a variable"))
  }

  @Test func onlyRegularFilesAreOpened() throws {
    let directory = try workshop.makeDirectory("libdirectory.so")
    #expect(
      message { try PluginLibrary.open(directory) } == "\(directory): not a regular file; a plugin is a single file"
    )
    let fifo = workshop.path("libfifo.so")
    #expect(mkfifo(fifo, 0o600) == 0)
    #expect(message { try PluginLibrary.open(fifo) }.contains("not a regular file"))
    #expect(message { try PluginLibrary.open("/dev/null") }.contains("not a regular file"))
    let link = workshop.path("liblink.so")
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: library)
    #expect(message { try PluginLibrary.open(link) } == "\(link): a symbolic link; name the file it leads to")
  }

  @Test func aFileThatEverybodyCanWrite() throws {
    try workshop.setPermissions(0o757, of: library)
    #expect(
      message { try PluginLibrary.open(library) }
        == "\(library): everyone can write it; remove that permission with chmod o-w")
  }

  @Test func aDirectoryThatEverybodyCanWrite() throws {
    let directory = try workshop.makeDirectory("open")
    let copy = try workshop.write(workshop.read(library), as: "open/libtoy.so")
    try workshop.setPermissions(0o777, of: directory)
    #expect(
      message { try PluginLibrary.open(copy) }
        == "\(directory): everyone can write it; remove that permission with chmod o-w")
  }

  @Test(.enabled(if: geteuid() == 0, "only root can give files away"))
  func aFileOfAnotherUserOrGroup() throws {
    try workshop.setPermissions(0o775, of: library)
    #expect(chown(library, 0, 54321) == 0)
    #expect(
      message { try PluginLibrary.open(library) }.contains("group 54321 can write it, and others may belong to it"))
    #expect(chown(library, 54321, 0) == 0)
    #expect(message { try PluginLibrary.open(library) }.contains("belongs to user 54321, neither root nor you"))
  }

  @Test func theOwnGroupMayWrite() throws {
    try workshop.setPermissions(0o775, of: library)
    #expect(try PluginLibrary.open(library).components.count == 1)
  }

  @Test func digests() throws {
    let sum = Process()
    let output = Pipe()
    sum.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    sum.arguments = ["sha256sum", library]
    sum.standardOutput = output
    try sum.run()
    let expected = String(decoding: output.fileHandleForReading.readDataToEndOfFile().prefix(64), as: UTF8.self)
    sum.waitUntilExit()

    let refusal = message { try PluginLibrary.open(library, allowedDigests: []) }
    #expect(refusal == "\(library): its SHA-256 sum \(expected) is not on the list of allowed ones")
    #expect(try PluginLibrary.open(library, allowedDigests: [expected.uppercased()]).digest() == expected)
    // A library that is already open is still refused if the caller does not allow it.
    #expect(message { try PluginLibrary.open(library, allowedDigests: ["00"]) }.contains("not on the list"))
  }

  @Test func aRelativePathIsMeantFromTheWorkingDirectory() {
    let here = FileManager.default.currentDirectoryPath
    #expect(message { try PluginLibrary.open("libnone-such.so") } == "\(here)/libnone-such.so: no such file")
  }
}
