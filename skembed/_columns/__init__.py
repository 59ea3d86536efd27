"""From any frame to codes and numbers."""
