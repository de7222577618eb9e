import Foundation
import LossKitRuntime
import Testing

/// Only root and the user may be able to replace a library or a directory in its path.
@Suite struct TrustedDirectoryTests {
  let workshop: PluginWorkshop
  /// `above/own/libtoy.so`
  let library: String
  let above: String

  init() throws {
    workshop = try PluginWorkshop()
    above = try workshop.makeDirectory("above")
    try workshop.makeDirectory("above/own")
    library = try workshop.build(LossSource().text, as: "above/own/libtoy.so")
  }

  @Test func aDirectoryAboveThatEverybodyCanWrite() throws {
    try workshop.setPermissions(0o777, of: above)
    #expect(
      message { try PluginLibrary.open(library) }
        == "\(above): everyone can write it; remove that permission with chmod o-w")
    let registry = PluginRegistry(searchPath: try PluginSearchPath(["\(above)/own"]))
    #expect(registry.listing.problems.map(\.path) == ["\(above)/own"])
    #expect(registry.listing.problems.first?.message.hasPrefix("\(above): everyone can write it") == true)
  }

  @Test func whereNobodyMayTakeAwayWhatIsAnothersTheRightToWriteDoesNoHarm() throws {
    try workshop.setPermissions(0o1777, of: above)
    #expect(try PluginLibrary.open(library).components.count == 1)
  }

  @Test func aLibraryThatLiesBesideWhatAnybodyPutsThere() throws {
    let directory = try workshop.makeDirectory("shared")
    let copy = try workshop.write(workshop.read(library), as: "shared/libtoy.so")
    try workshop.setPermissions(0o1777, of: directory)
    #expect(
      message { try PluginLibrary.open(copy) }
        == "\(directory): everyone can put files there; move the plugin into a directory of your own")
  }

  @Test func aDirectoryThatALinkLeadsThrough() throws {
    let link = workshop.path("link")
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "above/../above/./own")
    #expect(try PluginLibrary.open("\(link)/libtoy.so").path == "\(link)/libtoy.so")
    try workshop.setPermissions(0o777, of: above)
    #expect(message { try PluginLibrary.open("\(link)/libtoy.so") }.hasPrefix("\(above): everyone can write it"))
  }

  @Test func linksThatLeadToThemselves() throws {
    let link = workshop.path("link")
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "link")
    #expect(message { try PluginLibrary.open("\(link)/libtoy.so") }.hasPrefix("\(link)/libtoy.so: "))
  }

  @Test(.enabled(if: geteuid() == 0, "only root can give directories away"))
  func aDirectoryAboveOfAnotherUser() throws {
    #expect(chown(above, 54321, 0) == 0)
    #expect(
      message { try PluginLibrary.open(library) }
        == "\(above): belongs to user 54321, neither root nor you, and plugins run with your rights; "
        + "copy the plugin into a directory of your own")
  }

  @Test(.enabled(if: geteuid() == 0, "only root can give links away"))
  func aLinkOfAnotherUser() throws {
    let link = workshop.path("link")
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "above/own")
    #expect(lchown(link, 54321, 0) == 0)
    #expect(message { try PluginLibrary.open("\(link)/libtoy.so") }.hasPrefix("\(link): a symbolic link of user 54321"))
  }

  @Test(.enabled(if: geteuid() == 0, "only root can give directories away"))
  func aDirectoryThatAGroupCanWrite() throws {
    // 100 is the usual group of users.
    #expect(chown(above, 0, 100) == 0)
    try workshop.setPermissions(0o775, of: above)
    #expect(
      message { try PluginLibrary.open(library) }
        == "\(above): group 100 can write it, and others may belong to it; remove that permission with chmod g-w")
  }

  @Test(.enabled(if: geteuid() == 0, "a list of another user's right is foreign to root alone"))
  func anAccessControlListThatLetsAnotherUserWrite() throws {
    // Version 2: entries of a tag, permissions and an id, as setfacl -m u:54321:rwx writes them.
    let entries: [(tag: UInt8, permissions: UInt8, id: UInt32)] = [
      (1, 7, .max), (2, 7, 54321), (4, 5, .max), (0x10, 7, .max), (0x20, 5, .max),
    ]
    var list: [UInt8] = [2, 0, 0, 0]
    for entry in entries {
      list += [entry.tag, 0, entry.permissions, 0]
      list += (0..<4).map { UInt8(truncatingIfNeeded: entry.id >> (8 * $0)) }
    }
    for path in [above, above + "/own", library] {
      guard set(list, of: path) else { return }  // A file system without such lists.
      #expect(
        message { try PluginLibrary.open(library) }
          == "\(path): an access control list may let others write it; remove the list with setfacl -b")
      #expect(remove(path))
    }
    #expect(try PluginLibrary.open(library).components.count == 1)
  }

  private func set(_ list: [UInt8], of path: String) -> Bool {
    let hex = list.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    return python("os.setxattr('\(path)', 'system.posix_acl_access', bytes.fromhex('\(hex)'))")
  }

  private func remove(_ path: String) -> Bool {
    python("os.removexattr('\(path)', 'system.posix_acl_access')")
  }

  private func python(_ call: String) -> Bool {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["python3", "-c", "import os; " + call]
    process.standardError = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return false }
    process.waitUntilExit()
    return process.terminationStatus == 0
  }
}
