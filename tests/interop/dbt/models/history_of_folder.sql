SELECT * EXCLUDE (closed_month) FROM {{ source('history', 'apps_history') }}
