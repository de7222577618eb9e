import FoundationEssentials
import LossKit
import LossKitSystem
import Testing

@testable import LossKitTraining

@Suite struct RunDirectoryTests {
  let directory: TemporaryDirectory
  init() throws { directory = try TemporaryDirectory() }

  private func message(_ path: String, for purpose: RunDirectory.Purpose = .newRun) -> String? {
    #expect(throws: Failure.self) { _ = try RunDirectory(path, for: purpose) }?.message
  }

  @Test func isMadeWithThoseAboveIt() throws {
    let run = try RunDirectory(directory("a/b/c"), for: .newRun)
    #expect(Files.isDirectory(run.path))
  }

  @Test func whatIsInUseIsRefused() throws {
    let run = try RunDirectory(directory("run"), for: .newRun)
    #expect(message(directory("run"))?.contains("output directory in use") == true)
    withExtendedLifetime(run) {}
  }

  @Test func isFreeWhenTheRunIsGone() throws {
    do { _ = try RunDirectory(directory("run"), for: .newRun) }
    _ = try RunDirectory(directory("run"), for: .newRun)
  }

  @Test func whatIsNotEmptyIsRefused() throws {
    try Files.write([1], to: directory("note"))
    #expect(message(directory.path)?.contains("is not empty") == true)
    #expect(message(directory("note"))?.contains("not a directory") == true)
  }

  @Test func anEarlierRunIsRefused() throws {
    try Files.write([1], to: directory("run.json"))
    #expect(message(directory.path)?.contains("holds an earlier run") == true)
  }

  @Test func whatARunLeftBeforeItsRecordIsRemoved() throws {
    try Files.write([1], to: directory(".partial-run.json"))
    try Files.write([], to: directory(".lock"))
    do { _ = try RunDirectory(directory.path, for: .newRun) }
    #expect(try Files.names(in: directory.path) == [".lock"])
    try Files.write([1], to: directory(".partial-run.json"))
    try Files.write([1], to: directory("note"))
    #expect(message(directory.path)?.contains("is not empty") == true)
    #expect(Files.exists(directory(".partial-run.json")))
  }

  @Test func whatHoldsNoRunCannotBeResumedOrVerified() throws {
    #expect(message(directory.path, for: .resumption)?.contains("no run to resume") == true)
    #expect(message(directory.path, for: .verification)?.contains("no run to verify") == true)
    #expect(message(directory("none"), for: .verification)?.contains("no run to verify") == true)
    #expect(try Files.names(in: directory.path).isEmpty)
  }

  @Test func aRunIsNotVerifiedWhileItIsWritten() throws {
    let run = try RunDirectory(directory.path, for: .newRun)
    try Files.write([1], to: directory("run.json"))
    #expect(message(directory.path, for: .verification)?.contains("in use by another run") == true)
    withExtendedLifetime(run) {}
  }

  @Test func whatCannotBeWrittenTellsTheSystemsReason() throws {
    #expect(message("/proc/losskit-run")?.contains("cannot be made: ") == true)
  }
}

@Suite struct CheckpointStoreTests {
  let directory: TemporaryDirectory
  init() throws { directory = try TemporaryDirectory() }

  private func store() throws -> CheckpointStore {
    CheckpointStore(directory: try RunDirectory(directory("run"), for: .newRun))
  }

  @Test func keepsTheLastOnes() throws {
    let store = try store()
    for step in [2, 4, 6, 8, 10] {
      try store.write(step: step, keeping: 2) { try Files.write([UInt8(step)], to: "\($0)/file") }
    }
    #expect(try store.steps() == [8, 10])
  }

  @Test func zeroKeepsAll() throws {
    let store = try store()
    for step in 1...4 { try store.write(step: step, keeping: 0) { try Files.write([1], to: "\($0)/file") } }
    #expect(try store.steps() == [1, 2, 3, 4])
  }

  @Test func aWriteThatFailsLeavesTheOldOne() throws {
    let store = try store()
    try store.write(step: 1, keeping: 1) { try Files.write([1, 2, 3], to: "\($0)/file") }
    #expect(throws: Failure.self) {
      try store.write(step: 2, keeping: 1) { path in
        try Files.write([4], to: "\(path)/file")
        throw Failure("no more")
      }
    }
    #expect(try store.steps() == [1])
    #expect(try content(store.path(ofStep: 1) + "/file") == [1, 2, 3])
    #expect(try Files.names(in: directory("run")) == [".lock", "checkpoint-1"])
  }

  /// On a file system of 256 kB that fills up, if this process may mount one.
  @Test func aFullDiskLeavesTheOldOne() throws {
    #if os(Linux)
      let path = directory("small")
      try Files.makeDirectory(path)
      guard mount("tmpfs", path, "tmpfs", 0, "size=256k") == 0 else {
        print("skipped: no small file system can be mounted here (\(String(cString: strerror(errno))))")
        return
      }
      defer { umount2(path, Int32(MNT_DETACH)) }
      let run = try RunDirectory("\(path)/run", for: .newRun)
      let store = CheckpointStore(directory: run)
      try store.write(step: 1, keeping: 1) { try Files.write([UInt8](repeating: 1, count: 100_000), to: "\($0)/file") }
      let failure = #expect(throws: Failure.self) {
        try store.write(step: 2, keeping: 1) {
          try Files.write([UInt8](repeating: 2, count: 500_000), to: "\($0)/file")
        }
      }
      #expect(failure?.message.contains("No space left on device; make room on the disk") == true)
      #expect(try store.steps() == [1])
      #expect(try content(store.path(ofStep: 1) + "/file").count == 100_000)
    #endif
  }
}
