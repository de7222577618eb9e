import CMalloc
import LossKit
import LossKitRuntime
import LossKitSystem

extension ComponentRequirement {
  /// Memory that is not given back. A cache that the first calls fill is no leak.
  static let memory = ComponentRequirement(
    name: "memory", summary: "it keeps no memory from call to call, beyond what the first calls set up"
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
      // What grows once may be a cache, or the harness's; what grows every time is a leak.
      for _ in 0..<4 {
        let after = try use(count)
        leaked = min(leaked, after.allocated - before.allocated)
        mapped = min(mapped, after.mapped - before.mapped)
        before = after
      }
      let perCall = max(leaked >= 8 * count ? leaked : 0, mapped >= 4096 * count ? mapped : 0) / count
      guard perCall == 0 else { throw Failure("every call keeps about \(perCall) bytes of memory") }
      return .met("\(5 * count) calls")
    #else
      return .notTested("this system does not tell how much memory is allocated")
    #endif
  }
}

#if os(Linux)
  /// How much memory the process uses, in bytes.
  private struct MemoryUse {
    /// What malloc has handed out.
    let allocated: Int
    /// All address space.
    let mapped: Int

    /// As it is now.
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
