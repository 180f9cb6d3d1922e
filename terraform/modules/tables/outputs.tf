output "names" {
  description = "Full names of the tables, by name."
  value       = { for name, table in aws_dynamodb_table.this : name => table.name }
}

output "arns" {
  description = "ARNs of the tables, by name."
  value       = { for name, table in aws_dynamodb_table.this : name => table.arn }
}

output "index_arns" {
  description = "ARNs of the indexes of each table, by name."
  value       = { for name, table in aws_dynamodb_table.this : name => { for index in keys(var.tables[name].indexes) : index => "${table.arn}/index/${index}" } }
}

output "stream_arns" {
  description = "ARNs of the streams, by the name of the table, of those that have one."
  value       = { for name, table in aws_dynamodb_table.this : name => table.stream_arn if var.tables[name].stream != null }
}
