import LossKitSystem

/// Shows a run's progress: a bar redrawn in place on a terminal, otherwise a line per logged step.
public final class Progress {
  private let descriptor: Int32
  private let label: String
  private let isTerminal: Bool
  private var bar = ""
  private var lastDrawn: ContinuousClock.Instant?
  private var lastSaid: ContinuousClock.Instant?

  /// Shows progress on an open file, standard error by default; `label` precedes every line.
  public init(label: String = "train", descriptor: Int32 = 2) {
    self.label = label
    self.descriptor = descriptor
    isTerminal = isatty(descriptor) == 1
  }

  /// A run's position.
  struct Position {
    var step, total: Int
    var loss, pairsPerSecond: Double
    var secondsLeft: Double
  }

  /// Redraws the bar, at most ten times a second.
  func update(_ position: Position) {
    draw(position.step, of: position.total, Self.figures(position), isDue: position.step >= position.total)
  }

  /// Shows the progress, in prompts, of a phase without steps: with the bar, or as a line every ten seconds.
  package func update(_ phase: String, done: Int, of total: Int) {
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

  /// Removes the bar.
  package func clear() {
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

  /// Writes the position as a line if there is no bar.
  func log(_ position: Position) {
    if !isTerminal { write("\(label): step \(position.step)/\(position.total)  \(Self.figures(position))\n") }
  }

  /// Writes a line, above the bar if there is one.
  public func say(_ text: String) {
    if isTerminal {
      write("\r\u{1B}[K\(label): \(text)\n\(bar)")
    } else {
      write("\(label): \(text)\n")
    }
  }

  /// Leaves the bar in place and continues below it.
  func finish() {
    if !bar.isEmpty { write("\n") }
    bar = ""
  }

  /// The bar for a position in the steps, `width` columns wide.
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
    // Failing to show progress is no reason to end a run.
    try? Files.write(Array(text.utf8), to: FileDescriptor(rawValue: descriptor), name: "the terminal")
  }
}
