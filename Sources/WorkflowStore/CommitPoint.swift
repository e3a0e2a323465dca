import Glibc

/// A point between two effects at which a process may die, and nothing may be lost or done twice.
///
/// The tests kill the process at each of them: a debug build whose environment names a point in `COMMIT_POINT` ends
/// itself with SIGKILL when it comes there and can make the file that `COMMIT_POINT_MARK` names: once, whichever
/// process comes first, and not before the file's folder is there. In a release build a point is nothing at all.
public enum CommitPoint: String, Sendable, CaseIterable {
  /// A body has been checked; Redis knows nothing of it.
  case beforeSubmit
  /// The run is accepted; the client has no answer yet.
  case afterSubmit
  /// A worker is about to take runs.
  case beforeClaim
  /// Redis has given runs to a worker, which has not begun them.
  case afterClaim
  /// A step's beginning is recorded; its call has not gone out.
  case beforeCall
  /// A call has been answered; only this process knows.
  case afterCall
  /// Something of a run is to be recorded.
  case beforeRecord
  /// It is recorded; the worker has not continued.
  case afterRecord
  /// The last step is done; the end is not recorded.
  case beforeFinish
  /// The run has ended; the worker still holds it.
  case afterFinish
  /// A stopping worker is about to give a run back.
  case beforeHandBack
  /// The run is back in its queue; the worker still runs.
  case afterHandBack
  /// The runs of a dead worker are back in their queue; the worker that did it has not logged it.
  case afterRecovery
  /// A tick of a schedule is due; Redis knows of no run.
  case beforeTick
  /// The tick's run is queued, and the schedule is due at its next time; the worker has not continued.
  case afterTick
  /// Entries of the inbox have been read and checked; Redis still has them there.
  case beforeTake
  /// The entries are runs; the worker has not continued.
  case afterTake
  /// A callback is leased; nothing has been sent.
  case beforeCallback
  /// The receiver has answered; Redis does not know it.
  case afterCallback
  /// A new generation of a run is to be opened; Redis knows nothing of it.
  case beforeReopen
  /// It is queued; the client has no answer yet.
  case afterReopen
  /// Runs are to be cancelled, paused or resumed; Redis knows nothing of it.
  case beforeControl
  /// They are; the client has no answer yet.
  case afterControl

  /// Marks that the process is at this point.
  @inline(__always)
  public func pass() {
    #if DEBUG
      if let trap = Self.trap, trap.point == self { trap.spring() }
    #endif
  }

  #if DEBUG
    private struct Trap {
      let point: CommitPoint
      let mark: String

      func spring() {
        guard open(mark, O_CREAT | O_EXCL | O_WRONLY, 0o600) >= 0 else { return }
        kill(getpid(), SIGKILL)
      }
    }

    private static let trap: Trap? = {
      guard let name = getenv("COMMIT_POINT"), let mark = getenv("COMMIT_POINT_MARK") else { return nil }
      return CommitPoint(rawValue: String(cString: name)).map { Trap(point: $0, mark: String(cString: mark)) }
    }()
  #endif
}
