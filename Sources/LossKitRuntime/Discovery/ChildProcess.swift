import LossKit
import LossKitSystem
import Synchronization

/// A child process that opens libraries, whose end is a finding about them, seen from its parent.
package struct ChildProcess {
  /// How a process ended.
  package enum End: Equatable {
    case exit(status: Int32)
    case signal(Int32)
    /// It told nothing for too long and was ended.
    case silence
  }

  /// The open file that a process writes its records to, a line each.
  package static let recordFile: Int32 = 3

  /// The open file that takes what is printed to standard error while the worker looks for such; a crash leaves it here.
  package static let printedFile: Int32 = 4

  private let process: pid_t
  private let records: Int32
  private let errors: Int32
  private let printed: Int32?

  /// Starts a program in the environment of this one. Its standard output is dropped; what it writes to standard error comes back
  /// when it has ended. With `takesPrinted` the process has a file for what it looks for in its own standard error.
  package init(executable: String, arguments: [String], takesPrinted: Bool = false) throws {
    // A file that another thread's child inherited would not end when this child does.
    self = try Self.starting.withLock { _ in
      try ChildProcess(starting: executable, arguments, Self.environment, takesPrinted: takesPrinted)
    }
  }

  /// The own environment; but a crash is told by its signal, not by a listing that takes seconds to make.
  private static var environment: [String] {
    var variables: [String] = []
    var next = environ
    while let text = next.pointee {
      variables.append(String(cString: text))
      next += 1
    }
    return variables.filter { !$0.hasPrefix("SWIFT_BACKTRACE=") } + ["SWIFT_BACKTRACE=enable=no"]
  }

  private static let starting = Mutex(())

  private init(
    starting executable: String, _ arguments: [String], _ environment: [String], takesPrinted: Bool
  ) throws {
    let (recordPipe, errorPipe) = (try Self.pipe(), try Self.pipe())
    let printed = takesPrinted ? try Self.temporaryFile() : nil
    defer {
      close(recordPipe.write)
      close(errorPipe.write)
    }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, errorPipe.write, STDERR_FILENO)
    posix_spawn_file_actions_adddup2(&actions, recordPipe.write, Self.recordFile)
    if let printed { posix_spawn_file_actions_adddup2(&actions, printed, Self.printedFile) }
    // The thread that this runs on may have signals blocked, which the child would inherit: it has to be open to all.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
    var process = pid_t()
    let status = Self.withCStrings([executable] + arguments) { arguments in
      Self.withCStrings(environment) { posix_spawn(&process, executable, &actions, &attributes, arguments, $0) }
    }
    guard status == 0 else {
      close(recordPipe.read)
      close(errorPipe.read)
      if let printed { close(printed) }
      throw Failure("\(executable): cannot be started to open a plugin: \(String(cString: strerror(status)))")
    }
    self.process = process
    records = recordPipe.read
    errors = errorPipe.read
    self.printed = printed
  }

  /// Reads all records until the process ends, or is ended because it tells nothing for `patience` seconds.
  package func follow(patience: Int, _ receive: (String) -> Void) -> (end: End, errors: String) {
    var pending: [UInt8] = []
    var printed: [UInt8] = []
    var isSilent = false
    var deadline = ContinuousClock.now.advanced(by: .seconds(patience))
    var sources = [
      pollfd(fd: records, events: Int16(POLLIN), revents: 0), pollfd(fd: errors, events: Int16(POLLIN), revents: 0),
    ]
    while sources[0].fd >= 0 {
      let rest = ContinuousClock.now.duration(to: deadline) / .milliseconds(1)
      let ready = rest > 0 ? poll(&sources, nfds_t(sources.count), Int32(min(rest.rounded(.up), 1e9))) : 0
      if ready < 0, errno == EINTR { continue }
      if ready <= 0 {
        isSilent = true
        kill(process, SIGKILL)
        break
      }
      if sources[0].revents != 0 {
        let bytes = Self.read(records)
        if bytes.isEmpty { sources[0].fd = -1 }
        pending += bytes
        while let end = pending.firstIndex(of: UInt8(ascii: "\n")) {
          receive(String(decoding: pending[..<end], as: UTF8.self))
          deadline = .now.advanced(by: .seconds(patience))
          pending.removeSubrange(...end)
        }
      }
      if sources[1].revents != 0 {
        let bytes = Self.read(errors)
        if bytes.isEmpty { sources[1].fd = -1 }
        printed = (printed + bytes).suffix(4096)
      }
    }
    var status: Int32 = 0
    let end = isSilent ? End.silence : wait(patience: patience, &status)
    if isSilent { waitpid(process, &status, 0) }
    printed += Self.remaining(errors)
    close(records)
    close(errors)
    if let file = self.printed {
      lseek(file, 0, SEEK_SET)
      printed += Self.read(file)
      close(file)
    }
    return (end, String(decoding: printed, as: UTF8.self))
  }

  /// Waits for the end of a process that has closed its records.
  private func wait(patience: Int, _ status: inout Int32) -> End {
    for _ in 0..<patience * 200 {
      let ended = waitpid(process, &status, WNOHANG)
      if ended == process {
        let signal = status & 0x7F
        return signal == 0 ? .exit(status: (status >> 8) & 0xFF) : .signal(signal)
      }
      if ended < 0, errno != EINTR { return .exit(status: -1) }
      usleep(5000)
    }
    kill(process, SIGKILL)
    waitpid(process, &status, 0)
    return .silence
  }

  private static func pipe() throws -> (read: Int32, write: Int32) {
    var ends: [Int32] = [-1, -1]
    #if canImport(Glibc)
      let status = Glibc.pipe(&ends)
    #else
      let status = Darwin.pipe(&ends)
    #endif
    guard status == 0 else { throw Failure("cannot make a pipe to a process: \(String(cString: strerror(errno)))") }
    // Above what the child's own files are moved to.
    let high = ends.map { fcntl($0, F_DUPFD_CLOEXEC, 10) }
    for end in ends { close(end) }
    return (high[0], high[1])
  }

  /// A file without a name.
  private static func temporaryFile() throws -> Int32 {
    guard let stream = tmpfile() else {
      throw Failure("cannot make a temporary file for what a plugin prints: \(String(cString: strerror(errno)))")
    }
    defer { fclose(stream) }
    return fcntl(fileno(stream), F_DUPFD_CLOEXEC, 10)
  }

  private static func read(_ file: Int32) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: 4096) { buffer, count in
      #if canImport(Glibc)
        count = max(0, Glibc.read(file, buffer.baseAddress, buffer.count))
      #else
        count = max(0, Darwin.read(file, buffer.baseAddress, buffer.count))
      #endif
    }
  }

  /// What is in a pipe, without waiting for more: a process that the plugin left behind may hold its other end.
  private static func remaining(_ file: Int32) -> [UInt8] {
    _ = fcntl(file, F_SETFL, O_NONBLOCK)
    return read(file)
  }

  private static func withCStrings<Value>(
    _ texts: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Value
  ) -> Value {
    let copies = texts.map { strdup($0) }
    defer { for copy in copies { free(copy) } }
    return body(copies + [nil])
  }
}

extension ChildProcess.End {
  /// How the process ended that opened or called a library, with the last line that it wrote to standard error.
  package func description(errors: String) -> String {
    let last = errors.split(separator: "\n").last { !$0.allSatisfy(\.isWhitespace) }
    let said = last.map { ": \($0.prefix(200))" } ?? ""
    return switch self {
    case .exit(let status): "it ended the process with status \(status)" + said
    case .signal(let signal): "it crashed the process: \(String(cString: strsignal(signal)))" + said
    case .silence: "it did not return"
    }
  }
}
