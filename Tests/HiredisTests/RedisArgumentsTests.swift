import Testing

@testable import Hiredis

@Suite struct RedisArgumentsTests {
  @Test func `Words become one RESP array of bulk strings`() {
    var arguments: RedisArguments = ["SET", "ключ"]
    arguments.append([0, 255] as [UInt8])
    arguments.append(-7)
    arguments.append("")
    arguments.append([1, 2, 3][1...].map(UInt8.init))
    let text = "*6\r\n$3\r\nSET\r\n$8\r\nключ\r\n$2\r\n"
    let expected = Array(text.utf8) + [0, 255] + Array("\r\n$2\r\n-7\r\n$0\r\n\r\n$2\r\n".utf8) + [2, 3, 13, 10]
    #expect(arguments.frame == expected)
    #expect(arguments.count == 6)
  }

  @Test func `One command's words can follow another's`() {
    var arguments: RedisArguments = ["EVALSHA", "abc"]
    arguments.append(contentsOf: ["x", "y"])
    #expect(arguments.frame == (["EVALSHA", "abc", "x", "y"] as RedisArguments).frame)
  }
}
