import LossKitSystem

/// What a process does that opens libraries for the index of another one, which survives whatever they do.
package enum IndexWorker {
  /// The seconds that a library has to open and to describe itself.
  static let timeLimit = 10

  static let ready = "ready", opened = "opened", refused = "refused"

  /// Opens the libraries in turn, tells of each what it offers or why it cannot be used, and ends the process.
  package static func run(_ paths: [String]) -> Never {
    preventCoreFiles()
    writeRecord(IndexLine.text([ready]))
    for path in paths {
      alarm(UInt32(timeLimit))
      writeRecord(report(path))
    }
    // What libraries do at the end of a process would be no finding about any of them.
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
