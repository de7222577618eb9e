/// What libraries offer, by file, as found once and cached in the user's directory, so that a program only opens the
/// libraries it uses.
struct LibraryIndex {
  /// What is known of a file with a given stamp.
  struct Record: Equatable {
    enum Finding: Equatable {
      case offers(LibraryOffers)
      /// The library ended the process that opened it: the message, and the time in nanoseconds.
      case died(String, at: Int)
    }

    let stamp: FileStamp
    let finding: Finding
    /// The stamp of the library whose functions the file, a manifest, declares as components.
    let functionLibraryStamp: FileStamp?
  }

  private(set) var records: [String: Record]
  private(set) var additions: Set<String> = []

  /// One hour, after which a crash is checked again: the machine may have been out of memory or busy.
  private static let deathIsBelieved = 3_600_000_000_000
  /// Two seconds: a file written twice within the resolution of file times keeps its stamp.
  private static let shortestAge = 2_000_000_000

  init(records: [String: Record] = [:]) { self.records = records }

  /// What is known of the file in its current state.
  func finding(_ path: String, _ stamp: FileStamp) -> Record.Finding? {
    guard let record = records[path], record.stamp == stamp else { return nil }
    switch record.finding {
    case .died(_, let time):
      return (0..<Self.deathIsBelieved).contains(nanosecondsNow - time) ? record.finding : nil
    case .offers(let offers):
      guard let functionLibrary = offers.functionLibrary else { return record.finding }
      return FileStamp(path: functionLibrary) == record.functionLibraryStamp ? record.finding : nil
    }
  }

  /// Records a finding about a file that had this stamp before it was opened.
  mutating func add(_ path: String, _ stamp: FileStamp, _ finding: Record.Finding) {
    var functionLibrary: String?
    if case .offers(let offers) = finding { functionLibrary = offers.functionLibrary }
    records[path] = Record(
      stamp: stamp, finding: finding, functionLibraryStamp: functionLibrary.flatMap { FileStamp(path: $0) })
    additions.insert(path)
  }

  /// This index merged into `stored`, which other processes may have extended: all files that exist and were not
  /// written a moment ago.
  func merged(into stored: LibraryIndex) -> LibraryIndex {
    let newest = nanosecondsNow - Self.shortestAge
    let added = records.filter { additions.contains($0.key) }
    return LibraryIndex(
      records: stored.records.merging(added) { $1 }.filter { path, record in
        guard FileStamp(path: path) != nil else { return false }
        return record.stamp.changed < newest && (record.functionLibraryStamp?.changed ?? 0) < newest
      })
  }
}
