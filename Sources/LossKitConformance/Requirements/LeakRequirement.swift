import CMalloc
import LossKit
import LossKitRuntime
import LossKitSystem

extension ComponentRequirement {
  /// A component does not leak memory. A cache that the first calls fill is not a leak.
  static let memory = ComponentRequirement(
    name: "memory", summary: "calls do not leak memory, beyond what the first calls set up"
  ) { subject in
    #if os(Linux)
      var calls = subject.calls
      let call = calls.call(prompts: 4)
      let count = 200
      func use(_ count: Int) throws -> MemoryUse {
        for _ in 0..<count { _ = try subject.run(call) }
        return MemoryUse()
      }
      var before = try use(count)
      var (leaked, mapped) = (Int.max, Int.max)
      // Growth once may be a cache, or the test's own; growth on every call is a leak.
      for _ in 0..<4 {
        let after = try use(count)
        leaked = min(leaked, after.allocated - before.allocated)
        mapped = min(mapped, after.mapped - before.mapped)
        before = after
      }
      let perCall = max(leaked >= 8 * count ? leaked : 0, mapped >= 4096 * count ? mapped : 0) / count
      guard perCall == 0 else { throw Failure("every call leaks about \(perCall) bytes of memory") }
      return .met("\(5 * count) calls")
    #else
      return .notTested("this system does not report how much memory is allocated")
    #endif
  }
}

#if os(Linux)
  /// The memory use of the process, in bytes.
  private struct MemoryUse {
    /// Memory allocated by malloc.
    let allocated: Int
    /// Mapped address space.
    let mapped: Int

    /// The current use.
    init() {
      let information = mallinfo2()
      allocated = information.uordblks + information.hblkhd
      var pages = 0
      if let file = fopen("/proc/self/statm", "r") {
        var text = [CChar](repeating: 0, count: 64)
        if fgets(&text, Int32(text.count), file) != nil { pages = strtol(text, nil, 10) }
        fclose(file)
      }
      mapped = pages * sysconf(Int32(_SC_PAGESIZE))
    }
  }
#endif
