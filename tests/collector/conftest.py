from tests.claude_code.fixtures import claude_binary

__all__ = ["claude_binary"]
