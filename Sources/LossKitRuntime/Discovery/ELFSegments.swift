#if os(Linux)
  import LossKit
  import LossKitSystem

  extension ELFHeader {
    private static let mostThreadLocal: UInt64 = 1 << 28

    /// Throws for segments that the system's loader would map over each other or over other libraries, or look for
    /// outside of what it has mapped.
    func checkSegments() throws {
      try checkLoaded()
      for type in [Segment.dynamic, Segment.threadLocal] where segments.count(where: { $0.type == type }) > 1 {
        throw damaged("it has several dynamic or thread-local segments")
      }
      for segment in segments {
        switch segment.type {
        case Segment.dynamic: try checkDynamic(segment)
        case Segment.threadLocal: try checkThreadLocal(segment)
        case Segment.readOnlyLater:
          guard segment.memorySize == 0 || loaded.contains(where: { $0.covers(segment) }) else {
            throw damaged("what is to become read-only lies outside of what is loaded")
          }
        case Segment.table:
          guard location(ofAddress: segment.address, count: UInt64(segments.count * Self.segmentSize)) == tableOffset
          else { throw damaged("its program headers are not where they are said to be loaded") }
        case Segment.note, Segment.property, Segment.unwinding:
          guard segment.memorySize == 0 || location(ofAddress: segment.address, count: segment.memorySize) != nil else {
            throw damaged("notes or tables of its functions lie outside of what is loaded")
          }
        default: break
        }
      }
    }

    private func checkLoaded() throws {
      let page = UInt64(getpagesize())
      var end: UInt64 = 0
      for segment in loaded {
        guard segment.fileSize <= segment.memorySize, segment.address <= 1 << 48, segment.memorySize <= 1 << 48 else {
          throw damaged("invalid size of a segment")
        }
        guard segment.alignment.nonzeroBitCount == 1, segment.alignment >= page,
          segment.address % page == segment.offset % page
        else { throw damaged("a segment does not begin on a page") }
        guard segment.address / page * page >= end else { throw damaged("its segments overlap") }
        end = (segment.end + page - 1) / page * page
        // Code alone may be unreadable; the loader reads everything else.
        guard segment.isReadable || segment.isExecutable else { throw damaged("a segment cannot be read") }
      }
    }

    private func checkDynamic(_ segment: Segment) throws {
      guard segment.address % 8 == 0,
        location(ofAddress: segment.address, count: segment.fileSize) == segment.offset
      else { throw damaged("its dynamic segment lies outside of what is loaded") }
      guard !segment.isWritable || isWritable(segment.address, count: segment.fileSize) else {
        throw damaged("its dynamic segment cannot be written")
      }
    }

    private func checkThreadLocal(_ segment: Segment) throws {
      guard segment.fileSize <= segment.memorySize, segment.memorySize <= Self.mostThreadLocal,
        segment.alignment.nonzeroBitCount <= 1, segment.alignment <= Self.mostThreadLocal,
        segment.fileSize == 0 || location(ofAddress: segment.address, count: segment.fileSize) != nil
      else { throw damaged("its thread-local variables lie outside of what is loaded") }
    }
  }

  extension ELFHeader.Segment {
    /// Whether it has the whole of another one, up to the end of the page on which it ends itself.
    fileprivate func covers(_ other: Self) -> Bool {
      let page = UInt64(getpagesize())
      guard isWritable, other.address >= address, other.memorySize <= 1 << 48, other.address <= end else {
        return false
      }
      return other.address + other.memorySize <= (end + page - 1) / page * page
    }
  }
#endif
