import LossKit
import LossKitSystem

/// The state of a process that a plugin must leave unchanged.
struct ProcessState {
  private let floatingPoint: [String]
  private let locale: String
  private let signals: [Int32: String]
  private let blockedSignals: [Int32]
  private let directory: String
  private let files: [Int32: String]
  private let environment: [String]
  private let mask: mode_t
  private let timers: [String]
  private let limits: [String]

  /// The current state.
  init() {
    floatingPoint = Self.floatingPointControl()
    locale = setlocale(LC_ALL, nil).map { String(cString: $0) } ?? ""
    signals = (1..<Int32(65)).reduce(into: [:]) { $0[$1] = Self.handler(of: $1) }
    var blocked = sigset_t()
    sigprocmask(SIG_BLOCK, nil, &blocked)
    blockedSignals = (1..<Int32(65)).filter { sigismember(&blocked, $0) == 1 }
    directory = Self.workingDirectory()
    files = (0..<Int32(256)).reduce(into: [:]) { $0[$1] = Self.identity(of: $1) }
    environment = Self.variables()
    mask = umask(0)
    umask(mask)
    timers = Self.armedTimers()
    limits = Self.resourceLimits()
  }

  /// Describes a difference from an earlier state; nil if there is none.
  func change(since earlier: ProcessState) -> String? {
    for (name, values) in zip(
      ["the rounding mode", "the floating-point control word"], zip(floatingPoint, earlier.floatingPoint))
    where values.0 != values.1 {
      return name
    }
    if locale != earlier.locale { return "the locale, now \(locale)" }
    if let signal = signals.keys.sorted().first(where: { signals[$0] != earlier.signals[$0] }) {
      return "the handler of signal \(signal) (\(String(cString: strsignal(signal))))"
    }
    if blockedSignals != earlier.blockedSignals { return "which signals are blocked" }
    if directory != earlier.directory { return "the working directory, now \(directory)" }
    if let file = (0..<Int32(256)).first(where: { files[$0] != earlier.files[$0] }) {
      return earlier.files[file] == nil ? "the open files: \(file) is left open" : "the open file \(file)"
    }
    if environment != earlier.environment {
      let changed = Set(environment).symmetricDifference(earlier.environment).compactMap {
        $0.split(separator: "=").first
      }
      return "the environment: \(changed.sorted().first ?? "?")"
    }
    if let timer = timers.first(where: { !earlier.timers.contains($0) }) { return "the timers: \(timer) is left" }
    if limits != earlier.limits { return "a limit of the process's resources" }
    return mask == earlier.mask ? nil : "the umask"
  }

  /// The rounding mode and the other control bits of floating-point arithmetic, without the status flags.
  private static func floatingPointControl() -> [String] {
    var environment = fenv_t()
    fegetenv(&environment)
    #if os(Linux) && arch(x86_64)
      // The low six bits of MXCSR are status flags; the others control denormals, traps and rounding.
      return ["\(fegetround())", "\(environment.__mxcsr & ~0x3F) \(environment.__control_word)"]
    #else
      return ["\(fegetround())", ""]
    #endif
  }

  private static func handler(of signal: Int32) -> String? {
    var action = sigaction()
    guard sigaction(signal, nil, &action) == 0 else { return nil }
    return withUnsafeBytes(of: &action) { $0.prefix(MemoryLayout<Int>.size).map { "\($0)" }.joined(separator: ",") }
      + " \(action.sa_flags)"
  }

  /// The armed timers: those of the clock, including `alarm`, of processor time, and of `timer_create` as far as the system lists
  /// them.
  private static func armedTimers() -> [String] {
    let kinds: [(Int32, String)] = [(0, "that of alarm"), (1, "ITIMER_VIRTUAL"), (2, "ITIMER_PROF")]
    var timers = kinds.compactMap { kind, name in
      var timer = itimerval()
      getitimer(.init(kind), &timer)
      return timer.it_value.tv_sec == 0 && timer.it_value.tv_usec == 0 ? nil : name
    }
    guard let list = fopen("/proc/self/timers", "r") else { return timers }
    defer { fclose(list) }
    var line = [CChar](repeating: 0, count: 256)
    while fgets(&line, Int32(line.count), list) != nil {
      let text = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
      if text.hasPrefix("ID:") { timers.append("one of timer_create (\(text.dropLast()))") }
    }
    return timers
  }

  private static func resourceLimits() -> [String] {
    (0..<Int32(16)).map { resource in
      let limit = limit(of: resource)
      return "\(limit.rlim_cur) \(limit.rlim_max)"
    }
  }

  private static func workingDirectory() -> String {
    guard let directory = getcwd(nil, 0) else { return "" }
    defer { free(directory) }
    return String(cString: directory)
  }

  private static func identity(of file: Int32) -> String? {
    var status = stat()
    return fstat(file, &status) == 0 ? "\(status.st_dev) \(status.st_ino)" : nil
  }

  private static func variables() -> [String] {
    var variables: [String] = []
    var next = environ
    while let text = next.pointee {
      variables.append(String(cString: text))
      next += 1
    }
    return variables.sorted()
  }
}

/// Captures what is printed while a closure runs.
struct PrintedBytes {
  /// A file that outlives the process, for standard error, so that a crash keeps its message; nil: a temporary file.
  @TaskLocal static var errorFile: Int32?

  private let copies: [(descriptor: Int32, copy: Int32, file: Int32)]

  /// Starts capturing standard output and standard error. Throws if one of them is closed.
  init() throws {
    fflush(nil)
    var copies: [(Int32, Int32, Int32)] = []
    for descriptor in [STDOUT_FILENO, STDERR_FILENO] {
      let file = Self.file(for: descriptor)
      let copy = dup(descriptor)
      guard file >= 0, copy >= 0, dup2(file, descriptor) >= 0 else {
        throw Failure("printed text cannot be captured: \(String(cString: strerror(errno)))")
      }
      copies.append((descriptor, copy, file))
    }
    self.copies = copies
  }

  /// An empty file to write to, as a descriptor that the caller closes.
  private static func file(for descriptor: Int32) -> Int32 {
    if descriptor == STDERR_FILENO, let errorFile {
      lseek(errorFile, 0, SEEK_SET)
      return dup(errorFile)
    }
    let stream = tmpfile()
    defer { if let stream { fclose(stream) } }
    return stream.map { dup(fileno($0)) } ?? -1
  }

  /// Stops capturing, and describes what was printed and where; nil if nothing was.
  func end() -> String? {
    fflush(nil)
    var finding: String?
    for (descriptor, copy, file) in copies {
      var bytes = [UInt8](repeating: 0, count: 60)
      let count = pread(file, &bytes, bytes.count, 0)
      _ = ftruncate(file, 0)
      dup2(copy, descriptor)
      close(copy)
      close(file)
      guard count > 0, finding == nil else { continue }
      let text = String(decoding: bytes.prefix(count), as: UTF8.self).split(separator: "\n").first ?? ""
      finding = "it prints to standard \(descriptor == STDOUT_FILENO ? "output" : "error"): '\(text)'"
    }
    return finding
  }
}

/// Runs code of a plugin, and describes what it changed in the process or printed; nil if nothing.
func traces(of body: () throws -> Void) throws -> String? {
  let printed = try PrintedBytes()
  let before = ProcessState()
  let result = Result { try body() }
  let after = ProcessState()
  let finding = printed.end()
  try result.get()
  return after.change(since: before).map { "it changes \($0)" } ?? finding
}

/// Restores the thread's floating-point environment after a plugin's call, so that other tests are not affected.
struct ArithmeticMode {
  private var environment = fenv_t()

  /// Saves the current mode.
  init() { fegetenv(&environment) }

  /// Restores the mode.
  func restore() {
    var environment = environment
    fesetenv(&environment)
  }
}
