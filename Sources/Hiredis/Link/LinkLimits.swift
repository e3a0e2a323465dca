/// How long a link waits for what.
struct LinkLimits: Sendable {
  /// For a socket to connect, and again for the greeting to be answered.
  ///
  /// A name lookup is not counted.
  var attempt: Duration = .seconds(2)

  /// For the next byte while answers are due.
  ///
  /// Longer than any script should run; a script that is cut off by it is only sent again.
  var silence: Duration = .seconds(10)

  /// Between two looks at how much of a command the server's side has taken.
  var deliveryLook: Duration = .milliseconds(250)

  /// Between the PINGs of a subscription, which otherwise has nothing due.
  var pingInterval: Duration = .seconds(5)

  /// How long the thread sleeps while callers may write to its socket.
  var offer: Duration = .seconds(1)

  /// Between the log lines of attempts that fail.
  var logInterval: Duration = .seconds(10)

  /// The bounds of the wait between two attempts.
  var firstBackoff: Duration = .milliseconds(20)
  /// See `firstBackoff`.
  var longestBackoff: Duration = .seconds(1)

  /// How many bytes are handed to the socket in one turn.
  ///
  /// What is still waiting when a server does not read was certainly not carried out.
  var batch = 64 * 1024
}
