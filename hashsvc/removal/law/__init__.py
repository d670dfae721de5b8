"""What the law says, as dated data: statutes, deadlines, duties and their sources."""
