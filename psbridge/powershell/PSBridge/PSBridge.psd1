@{
    RootModule = 'PSBridge.psm1'
    ModuleVersion = '0.1.0'
    GUID = '0d6f2a1c-3f0e-4d0c-9a52-7b8a6a2f5e11'
    Author = 'The psbridge project'
    CompanyName = 'The psbridge project'
    Copyright = 'MIT license'
    Description = 'Cmdlets and jobs written in Python: starts Python inside PowerShell.'
    PowerShellVersion = '7.4'
    CompatiblePSEditions = @('Core')
    FunctionsToExport = @('Import-PythonModule', 'Start-PSBridge')
    CmdletsToExport = @('Invoke-WinRMCommand', 'New-WinRMSession')
    VariablesToExport = @()
    AliasesToExport = @()
}
