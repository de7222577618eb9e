import LossKitSystem

/// Shows how a run gets on: a bar that is redrawn in place on a terminal, a line per logged step elsewhere.
public final class Progress {
  private let descriptor: Int32
  private let label: String
  private let isTerminal: Bool
  private var bar = ""
  private var lastDrawn: ContinuousClock.Instant?
  private var lastSaid: ContinuousClock.Instant?

  /// Shows progress on an open file, by default standard error; `label` stands before every line.
  public init(label: String = "train", descriptor: Int32 = 2) {
    self.label = label
    self.descriptor = descriptor
    isTerminal = isatty(descriptor) == 1
  }

  /// Where a run is.
  struct Position {
    var step, total: Int
    var loss, pairsPerSecond: Double
    var secondsLeft: Double
  }

  /// Redraws the bar, at most ten times a second.
  func update(_ position: Position) {
    draw(position.step, of: position.total, Self.figures(position), isDue: position.step >= position.total)
  }

  /// Shows how far a phase is in which no step is made, in prompts: by the bar, or in a line every ten seconds.
  func update(_ phase: String, done: Int, of total: Int) {
    draw(done, of: total, "prompts  \(phase)")
    guard !isTerminal else { return }
    let now = ContinuousClock.now
    guard done > 0, let lastSaid else {
      lastSaid = now
      return
    }
    guard now - lastSaid >= .seconds(10) else { return }
    self.lastSaid = now
    write("\(label): \(phase): \(done)/\(total) prompts\n")
  }

  /// Takes the bar away.
  func clear() {
    if !bar.isEmpty { write("\r\u{1B}[K") }
    bar = ""
  }

  private func draw(_ done: Int, of total: Int, _ text: String, isDue: Bool = false) {
    let now = ContinuousClock.now
    if let lastDrawn, now - lastDrawn < .milliseconds(100), !isDue { return }
    guard isTerminal else { return }
    lastDrawn = now
    bar = Self.bar(done, of: total, text, label: label, width: width)
    write("\r\(bar)\u{1B}[K")
  }

  /// Says where the run is in a line of its own, where there is no bar.
  func log(_ position: Position) {
    if !isTerminal { write("\(label): step \(position.step)/\(position.total)  \(Self.figures(position))\n") }
  }

  /// Writes a line, above the bar where there is one.
  public func say(_ text: String) {
    if isTerminal {
      write("\r\u{1B}[K\(label): \(text)\n\(bar)")
    } else {
      write("\(label): \(text)\n")
    }
  }

  /// Leaves the bar where it is and goes on below it.
  func finish() {
    if !bar.isEmpty { write("\n") }
    bar = ""
  }

  /// The bar of a position in the steps, at a width in columns.
  static func bar(_ position: Position, label: String, width: Int) -> String {
    bar(position.step, of: position.total, figures(position), label: label, width: width)
  }

  private static func bar(_ count: Int, of total: Int, _ text: String, label: String, width: Int) -> String {
    let done = total > 0 ? Double(count) / Double(total) : 1
    let head = "\(label) "
    let tail = " \(count)/\(total)  \(text)"
    let room = min(40, width - head.count - tail.count - 3)
    guard room >= 8 else { return String((head + tail.dropFirst()).prefix(max(0, width - 1))) }
    let filled = Int((done * Double(room)).rounded(.down))
    return head + "[" + String(repeating: "#", count: filled) + String(repeating: ".", count: room - filled) + "]"
      + tail
  }

  private static func figures(_ position: Position) -> String {
    "loss \(fixed(position.loss, 4))  \(fixed(position.pairsPerSecond, 1)) pairs/s  \(duration(position.secondsLeft)) left"
  }

  private var width: Int {
    var size = winsize()
    guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
    return Int(size.ws_col)
  }

  private func write(_ text: String) {
    // What cannot be shown is not worth ending a run for.
    try? Files.write(Array(text.utf8), to: FileDescriptor(rawValue: descriptor), name: "the terminal")
  }
}
