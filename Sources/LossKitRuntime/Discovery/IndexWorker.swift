import LossKitSystem

/// The body of a process that opens libraries for another process's index, which survives whatever they do.
package enum IndexWorker {
  /// The seconds that a library may take to open and describe itself.
  static let timeLimit = 10

  static let ready = "ready", opened = "opened", refused = "refused"

  /// Opens the libraries in turn, writes for each what it offers or why it cannot be used, and ends the process.
  package static func run(_ paths: [String]) -> Never {
    preventCoreFiles()
    writeRecord(IndexLine.text([ready]))
    for path in paths {
      alarm(UInt32(timeLimit))
      writeRecord(report(path))
    }
    // Exits without running exit handlers, whose effects would tell nothing about any one library.
    _exit(0)
  }

  private static func report(_ path: String) -> String {
    do {
      return try PluginLibrary.open(path).offers.lines + IndexLine.text([opened])
    } catch {
      return IndexLine.text([refused, "\(error)"])
    }
  }
}
