// The C library and swift-system, for every module of the host that imports this one; and what the C library calls by other names
// on other systems.
@_exported public import SystemPackage

#if canImport(Glibc)
  @_exported public import Glibc

  /// Resources whose use a process may limit.
  package enum Resource {
    package static let coreFile = Int32(RLIMIT_CORE.rawValue), processorTime = Int32(RLIMIT_CPU.rawValue)
  }

  /// The limit of a resource.
  package func limit(of resource: Int32) -> rlimit {
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(UInt32(resource)), &limit)
    return limit
  }

  /// Sets the limit of a resource.
  package func setLimit(_ limit: rlimit, of resource: Int32) {
    var limit = limit
    setrlimit(__rlimit_resource_t(UInt32(resource)), &limit)
  }

  extension sigaction {
    /// What calls a function.
    package init(handler: @escaping @convention(c) (Int32) -> Void) {
      self.init()
      __sigaction_handler.sa_handler = handler
    }
  }
#elseif canImport(Darwin)
  @_exported public import Darwin

  /// Resources whose use a process may limit.
  package enum Resource {
    package static let coreFile = RLIMIT_CORE, processorTime = RLIMIT_CPU
  }

  /// The limit of a resource.
  package func limit(of resource: Int32) -> rlimit {
    var limit = rlimit()
    getrlimit(resource, &limit)
    return limit
  }

  /// Sets the limit of a resource.
  package func setLimit(_ limit: rlimit, of resource: Int32) {
    var limit = limit
    setrlimit(resource, &limit)
  }

  extension sigaction {
    /// What calls a function.
    package init(handler: @escaping @convention(c) (Int32) -> Void) {
      self.init()
      __sigaction_u.__sa_handler = handler
    }
  }
#endif
