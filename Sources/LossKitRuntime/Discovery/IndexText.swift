extension LibraryIndex {
  private static let head = ["losskit-index", "1"]

  /// The index as text: a header, the records, and the SHA-256 sum of everything above it.
  var text: String {
    var text = IndexLine.text(Self.head)
    for (path, record) in records.sorted(by: { $0.key < $1.key }) {
      text += IndexLine.text(["library", path] + record.stamp.fields)
      switch record.finding {
      case .offers(let offers):
        text += offers.lines
        if let stamp = record.functionLibraryStamp { text += IndexLine.text(["stamp"] + stamp.fields) }
        text += IndexLine.text(["opened"])
      case .died(let message, let time): text += IndexLine.text(["died", "\(time)", message])
      }
    }
    return text + IndexLine.text(["sum", SHA256Digest.hexadecimal(of: text.utf8)])
  }

  /// Reads an index; nil for anything that `text` did not write.
  init?(_ bytes: [UInt8]) {
    guard bytes.last == UInt8(ascii: "\n"), let end = bytes.dropLast().lastIndex(of: UInt8(ascii: "\n")) else {
      return nil
    }
    let last = String(decoding: bytes[(end + 1)...].dropLast(), as: UTF8.self)
    guard IndexLine.fields(last[...]) == ["sum", SHA256Digest.hexadecimal(of: bytes[...end])],
      let text = String(validating: bytes[...end], as: UTF8.self)
    else { return nil }
    var lines = text.split(separator: "\n").map(IndexLine.fields).makeIterator()
    guard let head = lines.next(), head == Self.head else { return nil }
    var records: [String: Record] = [:]
    while let library = lines.next() {
      guard library.count == 2 + FileStamp.fieldCount, library[0] == "library",
        let stamp = FileStamp(fields: library[2...]), let record = Record(stamp, &lines)
      else { return nil }
      records[library[1]] = record
    }
    self.init(records: records)
  }
}

extension LibraryIndex.Record {
  /// Reads what follows a library's line.
  fileprivate init?(_ stamp: FileStamp, _ lines: inout some IteratorProtocol<[String]>) {
    var offers = LibraryOffers()
    var functionLibraryStamp: FileStamp?
    while let fields = lines.next() {
      switch (fields[0], fields.count) {
      case ("stamp", 1 + FileStamp.fieldCount): functionLibraryStamp = FileStamp(fields: fields[1...])
      case ("opened", 1):
        self.init(stamp: stamp, finding: .offers(offers), functionLibraryStamp: functionLibraryStamp)
        return
      case ("died", 3):
        guard let time = Int(fields[1]) else { return nil }
        self.init(stamp: stamp, finding: .died(fields[2], at: time), functionLibraryStamp: nil)
        return
      default: if !offers.add(fields) { return nil }
      }
    }
    return nil
  }
}

extension FileStamp {
  fileprivate static let fieldCount = 5

  fileprivate var fields: [String] {
    [
      "\(Int64(bitPattern: identity.device))", "\(Int64(bitPattern: identity.inode))", "\(size)", "\(modified)",
      "\(changed)",
    ]
  }

  fileprivate init?(fields: ArraySlice<String>) {
    let numbers = fields.compactMap { Int($0) }
    guard fields.count == Self.fieldCount, numbers.count == fields.count else { return nil }
    self.init(
      identity: FileIdentity(
        device: UInt64(bitPattern: Int64(numbers[0])), inode: UInt64(bitPattern: Int64(numbers[1]))),
      size: numbers[2], modified: numbers[3], changed: numbers[4])
  }
}
